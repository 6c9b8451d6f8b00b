#include "grammar.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <regex>
#include <stdexcept>
#include <utility>

#include "call-limits.h"
#include "llama-grammar.h"
#include "llama-vocab.h"

namespace {

constexpr size_t LONGEST_SOURCE = 16 << 20;
constexpr int MOST_DEPTH = 200;

/* llama.cpp's own limit of repetitions; above it, a maximum would be taken for none. */
constexpr uint64_t MOST_REPETITIONS = 2000;

/* Elements that all repetitions of a grammar may come to. */
constexpr uint64_t MOST_ELEMENTS = 2000000;

/* In a call. A check of all tokens of a large vocabulary needs less than a tenth of that. */
constexpr double MOST_SECONDS = 2;

/* So far back the match of a pattern may begin. */
constexpr size_t LONGEST_TRIGGER = 4096;

/* Ways to read a text up to one place. */
constexpr size_t MOST_STACKS = 10000;

constexpr uint32_t LAST_CHARACTER = 0x10FFFF;

constexpr size_t MOST_STACK = 256 << 20;

/*
 * Checks a grammar before llama.cpp parses it: its depth, because llama.cpp's parser recurses, and the size of its
 * repetitions, because llama.cpp writes them out.
 */
class scanner {
public:
    /* Whether there are tokens by their text, which only a vocabulary knows. */
    bool needs_vocabulary = false;

    explicit scanner(const char * source) : source(source), at(source) {}

    void scan() {
        // Number of elements that a repetition would repeat.
        uint64_t last = 0;
        while (*at != '\0') {
            switch (*at) {
                case '#':
                    at += std::strcspn(at, "\r\n");
                    break;
                case '"':
                    last = literal();
                    break;
                case '[':
                    last = brackets();
                    break;
                case '(':
                    if (++depth > MOST_DEPTH) {
                        fail("groups are nested more than " + std::to_string(MOST_DEPTH) + " deep");
                    }
                    at++;
                    break;
                case ')':
                    depth--;
                    last = 1;
                    at++;
                    break;
                case '<':
                    needs_vocabulary = needs_vocabulary || at[1] != '[';
                    at += std::strcspn(at, ">\r\n");
                    last = 1;
                    break;
                case '{':
                    repetition(last);
                    break;
                default:
                    if (std::strchr(" \t\r\n*+?", *at) == nullptr) {
                        last = 1;
                    }
                    at++;
            }
        }
    }

private:
    const char * const source;
    const char * at;
    int depth = 0;
    uint64_t elements = 0;

    [[noreturn]] void fail(const std::string & message) const {
        size_t line = 1;
        for (const char * c = source; c < at; c++) {
            line += *c == '\n';
        }
        throw std::runtime_error("line " + std::to_string(line) + ": " + message);
    }

    void skip_character() { at += *at == '\\' && at[1] != '\0' ? 2 : 1; }

    uint64_t literal() {
        const char * begin = at++;
        while (*at != '"') {
            if (*at == '\0') {
                at = begin;
                fail("a string has no end");
            }
            skip_character();
        }
        at++;
        return at - begin;
    }

    uint64_t brackets() {
        const char * begin = at++;
        at += *at == '^';
        if (*at == ']') {
            fail("[" + std::string(begin + 1, at) + "] has no characters");
        }
        while (*at != ']') {
            if (*at == '\0') {
                at = begin;
                fail("a [ has no ]");
            }
            skip_character();
        }
        at++;
        return at - begin;
    }

    /* A number, or the limit and one if it is larger. */
    uint64_t number() {
        uint64_t value = 0;
        for (; *at >= '0' && *at <= '9'; at++) {
            value = std::min<uint64_t>(10 * value + (*at - '0'), MOST_REPETITIONS + 1);
        }
        return value;
    }

    void spaces() { at += std::strspn(at, " \t\r\n"); }

    void repetition(uint64_t repeated) {
        at++;
        spaces();
        const uint64_t least = number();
        uint64_t most = least;
        spaces();
        if (*at == ',') {
            at++;
            spaces();
            most = *at >= '0' && *at <= '9' ? number() : least;
            if (most < least) {
                fail("a repetition {" + std::to_string(least) + "," + std::to_string(most) +
                     "} has a maximum below its minimum");
            }
        }
        if (most > MOST_REPETITIONS) {
            fail("a repetition goes beyond " + std::to_string(MOST_REPETITIONS) + " times, which is llama.cpp's limit");
        }
        elements += repeated * std::max<uint64_t>(most, 1);
        if (elements > MOST_ELEMENTS) {
            fail("repetitions come to more than " + std::to_string(MOST_ELEMENTS) + " characters");
        }
    }
};

std::string character(uint32_t code_point) {
    char text[16];
    if (code_point > 0x20 && code_point < 0x7f) {
        std::snprintf(text, sizeof(text), "%c", static_cast<char>(code_point));
    } else {
        std::snprintf(text, sizeof(text), "\\U%08X", code_point);
    }
    return text;
}

bool is_end(const llama_grammar_element & element) {
    return element.type == LLAMA_GRETYPE_END || element.type == LLAMA_GRETYPE_ALT;
}

/* What llama.cpp's parser has made of a grammar. */
class parsed {
public:
    parsed(const llama_vocab * vocab, const char * source) : parser(vocab) {
        const char * at = source;
        while (std::strchr(" \t\r\n#", *at) != nullptr && *at != '\0') {
            at += *at == '#' ? std::strcspn(at, "\r\n") : 1;
        }
        while (*at != '\0') {
            at = parser.parse_rule(at);
        }
        if (parser.symbol_ids.find("root") == parser.symbol_ids.end()) {
            throw std::runtime_error("it has no rule root");
        }
        require_rules();
        require_ranges();
        require_characters();
        require_ends(empty_rules());
    }

    llama_grammar * create(const llama_vocab * vocab) {
        std::vector<const llama_grammar_element *> rules(parser.c_rules());
        llama_grammar * created =
            llama_grammar_init_impl(vocab, rules.data(), rules.size(), parser.symbol_ids.at("root"));
        if (created == nullptr) {
            throw std::runtime_error("a rule begins with itself (left recursion)");
        }
        return created;
    }

private:
    llama_grammar_parser parser;

    std::string name(size_t rule) const {
        for (const auto & symbol : parser.symbol_ids) {
            if (symbol.second == rule) {
                return symbol.first;
            }
        }
        return std::to_string(rule);
    }

    void require_rules() {
        parser.rules.resize(parser.symbol_ids.size());
        for (size_t rule = 0; rule < parser.rules.size(); rule++) {
            if (parser.rules[rule].empty()) {
                throw std::runtime_error("there is no rule " + name(rule));
            }
        }
    }

    void require_ranges() const {
        for (size_t rule = 0; rule < parser.rules.size(); rule++) {
            const auto & elements = parser.rules[rule];
            for (size_t i = 1; i < elements.size(); i++) {
                if (elements[i].type == LLAMA_GRETYPE_CHAR_RNG_UPPER && elements[i].value < elements[i - 1].value) {
                    throw std::runtime_error("rule " + name(rule) + ": the range [" +
                                             character(elements[i - 1].value) + "-" + character(elements[i].value) +
                                             "] has no characters");
                }
            }
        }
    }

    /* Characters that can't occur would leave the model nothing to say. */
    void require_characters() const {
        for (size_t rule = 0; rule < parser.rules.size(); rule++) {
            const auto & elements = parser.rules[rule];
            for (size_t i = 0; i < elements.size(); i++) {
                const bool begins = elements[i].type == LLAMA_GRETYPE_CHAR || elements[i].type == LLAMA_GRETYPE_CHAR_NOT;
                if (begins || elements[i].type == LLAMA_GRETYPE_CHAR_ALT ||
                    elements[i].type == LLAMA_GRETYPE_CHAR_RNG_UPPER) {
                    const uint32_t value = elements[i].value;
                    if (value > LAST_CHARACTER || (value >= 0xD800 && value <= 0xDFFF)) {
                        throw std::runtime_error("rule " + name(rule) + ": there is no character " + character(value));
                    }
                }
                if (elements[i].type == LLAMA_GRETYPE_CHAR_NOT && excludes_all(elements, i)) {
                    throw std::runtime_error("rule " + name(rule) + ": a [^ ] excludes all characters");
                }
            }
        }
    }

    static bool excludes_all(const std::vector<llama_grammar_element> & elements, size_t first) {
        std::vector<std::pair<uint32_t, uint32_t>> ranges;
        for (size_t i = first; i == first || elements[i].type == LLAMA_GRETYPE_CHAR_ALT ||
                               elements[i].type == LLAMA_GRETYPE_CHAR_RNG_UPPER; i++) {
            if (elements[i].type == LLAMA_GRETYPE_CHAR_RNG_UPPER) {
                ranges.back().second = elements[i].value;
            } else {
                ranges.emplace_back(elements[i].value, elements[i].value);
            }
        }
        std::sort(ranges.begin(), ranges.end());
        uint32_t next = 0;
        for (const auto & range : ranges) {
            // Surrogates are no characters.
            next = next == 0xD800 ? 0xE000 : next;
            if (range.first > next) {
                return false;
            }
            next = std::max(next, range.second + 1);
        }
        return next > LAST_CHARACTER;
    }

    /* The rules that may stand for nothing. */
    std::vector<bool> empty_rules() const {
        struct alternative {
            size_t rule;
            size_t missing;
        };
        std::vector<alternative> alternatives;
        std::vector<std::vector<size_t>> users(parser.rules.size());
        std::vector<bool> result(parser.rules.size());
        std::vector<size_t> found;
        for (size_t rule = 0; rule < parser.rules.size(); rule++) {
            std::vector<size_t> references;
            bool only_references = true;
            for (const auto & element : parser.rules[rule]) {
                if (!is_end(element)) {
                    only_references = only_references && element.type == LLAMA_GRETYPE_RULE_REF;
                    references.push_back(element.value);
                    continue;
                }
                if (only_references) {
                    for (size_t reference : references) {
                        users[reference].push_back(alternatives.size());
                    }
                    alternatives.push_back({ rule, references.size() });
                    if (references.empty() && !result[rule]) {
                        result[rule] = true;
                        found.push_back(rule);
                    }
                }
                references.clear();
                only_references = true;
            }
        }
        while (!found.empty()) {
            const size_t empty = found.back();
            found.pop_back();
            for (size_t user : users[empty]) {
                alternative & used = alternatives[user];
                if (--used.missing == 0 && !result[used.rule]) {
                    result[used.rule] = true;
                    found.push_back(used.rule);
                }
            }
        }
        return result;
    }

    /*
     * No rule may begin with itself and go on after that: it could be begun without end. llama.cpp's own check does not
     * see all rules that may be empty. By Tarjan's algorithm for strongly connected components.
     */
    void require_ends(const std::vector<bool> & empty) const {
        struct first {
            size_t rule;
            bool goes_on;
        };
        const size_t count = parser.rules.size();
        std::vector<std::vector<first>> firsts(count);
        for (size_t rule = 0; rule < count; rule++) {
            const auto & elements = parser.rules[rule];
            bool is_first = true;
            for (size_t i = 0; i < elements.size(); i++) {
                if (is_end(elements[i])) {
                    is_first = true;
                } else if (is_first && elements[i].type == LLAMA_GRETYPE_RULE_REF) {
                    firsts[rule].push_back({ elements[i].value, !is_end(elements[i + 1]) });
                    is_first = empty[elements[i].value];
                } else {
                    is_first = false;
                }
            }
        }
        std::vector<size_t> order(count);
        std::vector<size_t> low(count);
        std::vector<size_t> component(count);
        std::vector<size_t> open;
        size_t visited = 0;
        for (size_t begin = 0; begin < count; begin++) {
            // A rule, and how many of the elements that it can begin with have been visited.
            std::vector<std::pair<size_t, size_t>> path;
            const auto enter = [&](size_t rule) {
                order[rule] = low[rule] = ++visited;
                open.push_back(rule);
                path.emplace_back(rule, 0);
            };
            if (order[begin] == 0) {
                enter(begin);
            }
            while (!path.empty()) {
                const size_t rule = path.back().first;
                if (path.back().second < firsts[rule].size()) {
                    const size_t next = firsts[rule][path.back().second++].rule;
                    if (order[next] == 0) {
                        enter(next);
                    } else if (component[next] == 0) {
                        low[rule] = std::min(low[rule], order[next]);
                    }
                    continue;
                }
                path.pop_back();
                if (!path.empty()) {
                    low[path.back().first] = std::min(low[path.back().first], low[rule]);
                }
                while (low[rule] == order[rule] && component[rule] == 0) {
                    component[open.back()] = order[rule];
                    open.pop_back();
                }
            }
        }
        for (size_t rule = 0; rule < count; rule++) {
            for (const auto & next : firsts[rule]) {
                if (next.goes_on && component[next.rule] == component[rule]) {
                    throw std::runtime_error("rule " + name(next.rule) + " begins with itself (left recursion)");
                }
            }
        }
    }
};

scanner scan(const char * source) {
    if (std::strlen(source) > LONGEST_SOURCE) {
        throw std::runtime_error("it is longer than " + std::to_string(LONGEST_SOURCE) + " bytes");
    }
    scanner result(source);
    result.scan();
    return result;
}

/* Where a trigger is in a text. */
struct found_trigger {
    size_t begin = std::string::npos;
    size_t end = 0;
};

} // namespace

struct grammar::state {
    const llama_vocab * vocab;
    std::unique_ptr<llama_grammar, decltype(&llama_grammar_free_impl)> rules;
    const llama_grammar_stacks begin;

    /* What begins it, if it is lazy. */
    std::vector<std::string> words;
    std::vector<std::pair<std::string, std::regex>> patterns;
    std::vector<llama_token> tokens;

    /* Waits for a trigger. */
    bool is_waiting = false;

    /* A trigger was there; whether the text goes on as the grammar has it is not sure yet. */
    bool is_tentative = false;

    /* What was said since it began to wait, and where each token of it ends. */
    std::string text;
    std::vector<std::pair<llama_token, size_t>> ends;

    /* Triggers before that were none. */
    size_t looked = 0;
    found_trigger trigger;

    state(const llama_vocab * vocab, llama_grammar * created)
        : vocab(vocab), rules(created, llama_grammar_free_impl), begin(created->stacks) {}

    void add(const common_grammar_trigger & trigger) {
        switch (trigger.type) {
            case COMMON_GRAMMAR_TRIGGER_TYPE_TOKEN:
                tokens.push_back(trigger.token);
                break;
            case COMMON_GRAMMAR_TRIGGER_TYPE_WORD:
                if (!trigger.value.empty()) {
                    words.push_back(trigger.value);
                }
                break;
            case COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN:
                patterns.emplace_back(trigger.value, std::regex(trigger.value));
                break;
            case COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN_FULL:
                // Anchored as in llama.cpp's common_sampler_init.
                std::string anchored = trigger.value;
                anchored.insert(0, anchored.empty() || anchored.front() != '^' ? "^" : "");
                anchored += anchored.back() != '$' ? "$" : "";
                patterns.emplace_back(anchored, std::regex(anchored));
                break;
        }
    }

    /* Looks for a trigger, which was not in the first part of the text. */
    found_trigger find(size_t known) const {
        for (const auto & word : words) {
            const size_t overlap = std::min(known, word.size() - 1);
            const size_t place = text.find(word, std::max(looked, known - overlap));
            if (place != std::string::npos) {
                return { place, place + word.size() };
            }
        }
        // A match ends in the new text.
        const size_t begin = std::max(looked, known - std::min(known, LONGEST_TRIGGER));
        const auto flags =
            begin == 0 ? std::regex_constants::match_default : std::regex_constants::match_prev_avail;
        for (const auto & pattern : patterns) {
            std::smatch match;
            if (std::regex_search(text.begin() + begin, text.end(), match, pattern.second, flags)) {
                // The grammar applies from the first group that matched something.
                size_t group = 1;
                while (group < match.size() && match.length(group) == 0) {
                    group++;
                }
                group = group < match.size() ? group : 0;
                return { static_cast<size_t>(match[group].first - text.begin()),
                         static_cast<size_t>(match[0].second - text.begin()) };
            }
        }
        return {};
    }

    bool allows(llama_token token) const {
        llama_token_data candidate = { token, 1, 0 };
        llama_token_data_array array = { &candidate, 1, -1, false };
        llama_grammar_apply_impl(*rules, &array);
        return candidate.logit != -INFINITY;
    }

    void advance(llama_token token, const std::string & piece) {
        if (vocab->is_eog(token)) {
            if (!allows(token)) {
                throw std::runtime_error("the text ends before it is complete");
            }
            return;
        }
        llama_grammar_accept_token(*rules, token, piece);
        require_few();
    }

    void require_few() const {
        if (rules->stacks.size() > MOST_STACKS) {
            throw std::runtime_error(
                "it can be read in too many ways, or has too many alternatives: more than " +
                std::to_string(MOST_STACKS) + " at one place of the text");
        }
    }

    /* Whether a text that a trigger begins goes on as the grammar has it; what comes after the trigger decides. */
    bool replay() {
        size_t start = 0;
        try {
            for (const auto & end : ends) {
                if (end.second > trigger.begin) {
                    const size_t from = std::max(start, trigger.begin);
                    llama_grammar_accept_token(*rules, end.first, text.substr(from, end.second - from));
                }
                start = end.second;
            }
        } catch (const std::runtime_error &) {
            restart();
            return false;
        }
        is_waiting = false;
        is_tentative = true;
        decide();
        return true;
    }

    void restart() {
        rules->stacks = begin;
        rules->partial_utf8 = {};
        is_waiting = true;
        is_tentative = false;
        looked = trigger.begin + 1;
    }

    void decide() {
        if (text.find_first_not_of(" \t\r\n", trigger.end) != std::string::npos) {
            is_tentative = false;
            text.clear();
            ends.clear();
        }
    }

    void look(size_t known) {
        while (is_waiting) {
            trigger = find(known);
            if (trigger.begin == std::string::npos || replay()) {
                return;
            }
            known = looked;
        }
    }

    void wait(llama_token token, const std::string & piece) {
        const size_t known = text.size();
        text += piece;
        ends.emplace_back(token, text.size());
        if (std::find(tokens.begin(), tokens.end(), token) != tokens.end()) {
            trigger = { known, text.size() };
            if (replay()) {
                return;
            }
        }
        look(known);
    }

    void try_on(llama_token token, const std::string & piece) {
        if (!allows(token)) {
            const size_t begun = trigger.begin;
            restart();
            text += piece;
            ends.emplace_back(token, text.size());
            look(begun + 1);
            return;
        }
        advance(token, piece);
        text += piece;
        ends.emplace_back(token, text.size());
        decide();
    }
};

grammar::grammar(
    const llama_vocab * vocab, const char * source, const std::vector<common_grammar_trigger> * triggers)
    : self([&] {
          const call_limits limits(MOST_STACK, MOST_SECONDS);
          scan(source);
          return new state(vocab, parsed(vocab, source).create(vocab));
      }()) {
    self->require_few();
    if (triggers != nullptr) {
        self->is_waiting = true;
        for (const auto & trigger : *triggers) {
            self->add(trigger);
        }
    }
}

grammar::~grammar() = default;

void grammar::check(const char * source) {
    const call_limits limits(MOST_STACK, MOST_SECONDS);
    if (!scan(source).needs_vocabulary) {
        llama_grammar_free_impl(parsed(nullptr, source).create(nullptr));
    }
}

bool grammar::is_recursive() const {
    return self->is_waiting && !self->patterns.empty();
}

size_t grammar::apply(llama_token_data_array & candidates) const {
    if (self->is_waiting || self->is_tentative) {
        return candidates.size;
    }
    const call_limits limits(0, MOST_SECONDS);
    llama_grammar_apply_impl(*self->rules, &candidates);
    size_t left = 0;
    for (size_t i = 0; i < candidates.size; i++) {
        left += candidates.data[i].logit != -INFINITY;
    }
    return left;
}

void grammar::accept(llama_token token) {
    const call_limits limits(0, MOST_SECONDS);
    const std::string piece = self->vocab->token_to_piece(token);
    if (self->is_waiting) {
        self->wait(token, piece);
    } else if (self->is_tentative) {
        self->try_on(token, piece);
    } else {
        self->advance(token, piece);
    }
}
