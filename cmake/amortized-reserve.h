/*
 * Included (-include) before the first line of llama.cpp's src/llama-vocab.cpp, and nowhere else.
 *
 * The tokenizer of SentencePiece vocabularies reserves room for exactly the bytes of each character that is not a
 * token: a text of such characters is copied once for each of them. Room that doubles takes linear time.
 */
#ifndef BIGLLAMA_AMORTIZED_RESERVE_H
#define BIGLLAMA_AMORTIZED_RESERVE_H

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <forward_list>
#include <functional>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <queue>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace bigllama {

inline size_t rounded(size_t count) {
    size_t room = 16;
    while (room < count && room <= SIZE_MAX / 2) {
        room *= 2;
    }
    return std::max(room, count);
}

} // namespace bigllama

#define reserve(count) reserve(bigllama::rounded(count))

#endif
