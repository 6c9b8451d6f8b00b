/*
 * Compares the splits of linear-regex.h with those of std::regex, for the expressions of all of llama.cpp's
 * pre-tokenizers. Exits with 1 and an example where they differ; prints how much was compared.
 *
 * The build generates pretokenizers.inc from llama-vocab.cpp, and compiles unicode.cpp twice.
 */
#include <pthread.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "llama-vocab.h"

using texts = std::vector<std::string>;

texts plain_unicode_regex_split(const std::string & text, const texts & expressions, bool byte_encode);
texts linear_unicode_regex_split(const std::string & text, const texts & expressions, bool byte_encode);

static texts expressions(int pre_type) {
    texts regex_exprs;
    bool byte_encode = true;
    (void) byte_encode;
#include "pretokenizers.inc"
    return regex_exprs;
}

static const texts PIECES = {
    "a", "b", "A", "B", "z", "Z", "é", "É", "ǅ", "ʰ", "日", "本", "の", "カ", "가", "ก", "ا", "́", "0", "1", "12", "123",
    "1234567", "٣", "²", " ", "  ", "   ", "\t", "\n", "\r\n", "\r", "\v", "\f", "\u00a0", "\u2003", "\u3000", "\u0085",
    "'s", "'S", "'ll", "'RE", "'", "’s", ".", ",", "!", "?", "=", "==", "===", "+", "$", "^", "~", "`", "|", "<", ">",
    "<sentinel:12>", "IMGIMGABCZ", "_", "-", "/", "\\", "(", ")", "[", "]", "{", "}", "\"", "#", "%", "&", "*", ":", ";",
    "@", "“", "—", "…", "，", "。", "،", "।", "۔", "𐐀", "😀", "\u200d", "\u200b", "\x01", "\x7f", "ｱ", "ﾟ", "≠", "€", "ﬁ",
    "ß", "µ", "Ω", "Ა", "ა", "ǀ", "\ufeff", "\U000e0100",
};

static std::string random_text(std::mt19937 & random) {
    std::string text;
    const size_t few = random() % (PIECES.size() - 6);
    const unsigned kind = random() % 3;
    for (size_t count = 1 + random() % 40; count > 0; count--) {
        const size_t index = kind == 0 ? random() % PIECES.size()
            : kind == 1                ? few + random() % 6
                                       : (random() % 2 == 0 ? random() % 12 : 24 + random() % 16);
        for (size_t times = random() % 8 == 0 ? 1 + random() % 30 : 1; times > 0; times--) {
            text += PIECES[index];
        }
    }
    return text;
}

static void * compare(void * failed) {
    std::mt19937 random(7);
    int compared = 0;
    for (int pre_type = 0; pre_type < 100; pre_type++) {
        const texts list = expressions(pre_type);
        for (int i = 0; i < 60; i++) {
            const std::string text = random_text(random);
            if (plain_unicode_regex_split(text, list, false) != linear_unicode_regex_split(text, list, false)) {
                std::fprintf(stderr, "linear-regex.h splits otherwise than std::regex with llama_vocab_pre_type %d: %s\n",
                             pre_type, text.c_str());
                *static_cast<bool *>(failed) = true;
                return nullptr;
            }
            compared++;
        }
    }
    std::printf("%d texts are split as std::regex splits them\n", compared);
    return nullptr;
}

int main() {
    // std::regex recurses.
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 << 20);
    pthread_t thread;
    bool failed = false;
    if (pthread_create(&thread, &attributes, compare, &failed) != 0 || pthread_join(thread, nullptr) != 0) {
        return 1;
    }
    return failed ? 1 : 0;
}
