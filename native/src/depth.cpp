#include "depth.h"

#include <cstring>
#include <stdexcept>
#include <string>

namespace {

/* Deeper texts would overflow even a large stack. */
constexpr int MOST_DEPTH = 200;

} // namespace

void require_depth(const char * what, const char * text, const char * quotes) {
    int depth = 0;
    char quote = '\0';
    for (const char * c = text; *c != '\0'; c++) {
        if (quote != '\0') {
            if (*c == '\\' && c[1] != '\0') {
                c++;
            } else if (*c == quote) {
                quote = '\0';
            }
        } else if (std::strchr(quotes, *c) != nullptr) {
            quote = *c;
        } else if (std::strchr("([{", *c) != nullptr) {
            if (++depth > MOST_DEPTH) {
                throw std::runtime_error(
                    std::string(what) + " is nested more than " + std::to_string(MOST_DEPTH) + " deep");
            }
        } else if (std::strchr(")]}", *c) != nullptr && depth > 0) {
            depth--;
        }
    }
}
