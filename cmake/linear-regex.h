/*
 * Included (-include) before the first line of llama.cpp's src/unicode.cpp, and nowhere else.
 *
 * llama.cpp splits text by regular expressions before tokenizing it, and std::regex recurses once per character of a
 * match: a few thousand letters in a row overflow a Java thread's stack and end the process. Here the same expressions
 * are matched by simulating all alternatives at once (a Pike VM), in linear time and without recursion. The matches are
 * those of std::regex's ECMAScript syntax; pretokenizer-probe compares them.
 *
 * Supports what llama.cpp's expressions use: alternatives, groups, greedy quantifiers, bracket expressions with \d and
 * \s, lookaheads, \b, $. Anything else is a std::regex_error.
 */
#ifndef BIGLLAMA_LINEAR_REGEX_H
#define BIGLLAMA_LINEAR_REGEX_H

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <regex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace bigllama {

/* A set of characters. */
class char_set {
public:
    void add(uint32_t first, uint32_t last) {
        for (uint32_t c = first; c <= last && c < low.size(); c++) {
            low.set(c);
        }
        if (last >= low.size()) {
            high.emplace_back(first, last);
        }
    }

    void add(const char_set & other) {
        for (uint32_t c = 0; c < low.size(); c++) {
            if (other.contains(c)) {
                low.set(c);
            }
        }
        if (other.negated) {
            others.push_back(other);
        } else {
            high.insert(high.end(), other.high.begin(), other.high.end());
        }
    }

    void negate() { negated = !negated; }

    bool contains(uint32_t c) const { return has(c) != negated; }

private:
    std::bitset<256> low;
    std::vector<std::pair<uint32_t, uint32_t>> high;
    std::vector<char_set> others;
    bool negated = false;

    bool has(uint32_t c) const {
        if (c < low.size()) {
            return low[c];
        }
        for (const auto & range : high) {
            if (range.first <= c && c <= range.second) {
                return true;
            }
        }
        for (const auto & other : others) {
            if (other.contains(c)) {
                return true;
            }
        }
        return false;
    }
};

struct regex_instruction {
    enum kind_t { CHAR, NEXT_IN, NEXT_NOT_IN, LOOKAHEAD, NO_LOOKAHEAD, WORD_BOUNDARY, SPLIT, JUMP, END, MATCH };

    kind_t kind;
    /* CHAR, NEXT_…: index of the set; …LOOKAHEAD: index of the program; SPLIT, JUMP: relative target */
    size_t first = 0;
    /* SPLIT: relative target of the second choice */
    size_t second = 0;
};

using regex_program = std::vector<regex_instruction>;

/* A compiled expression. Jumps are relative, so that programs can be moved. */
class regex_code {
public:
    std::vector<char_set> sets;
    std::vector<regex_program> lookaheads;
    regex_program program;

    template <typename CharT> explicit regex_code(const std::basic_string<CharT> & source) {
        text.reserve(source.size());
        for (CharT c : source) {
            text.push_back(static_cast<uint32_t>(static_cast<std::make_unsigned_t<CharT>>(c)));
        }
        program = alternatives();
        if (at < text.size()) {
            throw std::regex_error(std::regex_constants::error_paren);
        }
        program.push_back({ regex_instruction::MATCH });
    }

private:
    using instruction = regex_instruction;

    std::vector<uint32_t> text;
    size_t at = 0;

    bool is(uint32_t c) const { return at < text.size() && text[at] == c; }

    bool take(uint32_t c) {
        if (!is(c)) {
            return false;
        }
        at++;
        return true;
    }

    uint32_t next(std::regex_constants::error_type error) {
        if (at == text.size()) {
            throw std::regex_error(error);
        }
        return text[at++];
    }

    static void append(regex_program & to, const regex_program & more) {
        to.insert(to.end(), more.begin(), more.end());
    }

    regex_program alternatives() {
        regex_program first = sequence();
        if (!take('|')) {
            return first;
        }
        const regex_program second = alternatives();
        regex_program result;
        result.push_back({ instruction::SPLIT, 1, first.size() + 2 });
        append(result, first);
        result.push_back({ instruction::JUMP, second.size() + 1 });
        append(result, second);
        return result;
    }

    regex_program sequence() {
        regex_program result;
        while (at < text.size() && !is('|') && !is(')')) {
            append(result, repeated(term()));
        }
        return result;
    }

    regex_program term() {
        const uint32_t c = next(std::regex_constants::error_complexity);
        switch (c) {
            case '$':
                return { { instruction::END } };
            case '(':
                return group();
            case '[':
                return one(bracket());
            case '\\':
                if (take('b')) {
                    return { { instruction::WORD_BOUNDARY } };
                }
                return one(escape());
            case '^':
            case '.':
            case '*':
            case '+':
            case '?':
            case '{':
                throw std::regex_error(std::regex_constants::error_badrepeat);
            default:
                return one(single(c));
        }
    }

    regex_program group() {
        bool lookahead = false;
        bool negative = false;
        if (take('?')) {
            negative = is('!');
            lookahead = negative || is('=');
            if (!lookahead && !is(':')) {
                throw std::regex_error(std::regex_constants::error_paren);
            }
            at++;
        }
        regex_program inside = alternatives();
        if (!take(')')) {
            throw std::regex_error(std::regex_constants::error_paren);
        }
        if (!lookahead) {
            return inside;
        }
        if (inside.size() == 1 && inside[0].kind == instruction::CHAR) {
            return { { negative ? instruction::NEXT_NOT_IN : instruction::NEXT_IN, inside[0].first } };
        }
        inside.push_back({ instruction::MATCH });
        lookaheads.push_back(inside);
        return { { negative ? instruction::NO_LOOKAHEAD : instruction::LOOKAHEAD, lookaheads.size() - 1 } };
    }

    regex_program repeated(regex_program what) {
        size_t least = 1;
        size_t most = 1;
        bool endless = false;
        if (take('*')) {
            least = 0;
            endless = true;
        } else if (take('+')) {
            endless = true;
        } else if (take('?')) {
            least = 0;
        } else if (take('{')) {
            least = number();
            most = least;
            if (take(',')) {
                endless = is('}');
                most = endless ? least : number();
            }
            if (!take('}') || most < least) {
                throw std::regex_error(std::regex_constants::error_brace);
            }
        } else {
            return what;
        }
        if (is('?')) {
            throw std::regex_error(std::regex_constants::error_badrepeat);
        }
        regex_program result;
        for (size_t i = 0; i < least; i++) {
            append(result, what);
        }
        if (endless) {
            result.push_back({ instruction::SPLIT, 1, what.size() + 2 });
            append(result, what);
            result.push_back({ instruction::JUMP, static_cast<size_t>(0) - what.size() - 1 });
        }
        for (size_t i = least; !endless && i < most; i++) {
            result.push_back({ instruction::SPLIT, 1, (most - i) * (what.size() + 1) });
            append(result, what);
        }
        return result;
    }

    size_t number() {
        size_t value = 0;
        bool any = false;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9' && value <= 10000) {
            value = 10 * value + (text[at++] - '0');
            any = true;
        }
        if (!any || value > 10000) {
            throw std::regex_error(std::regex_constants::error_badbrace);
        }
        return value;
    }

    regex_program one(const char_set & set) {
        sets.push_back(set);
        return { { instruction::CHAR, sets.size() - 1 } };
    }

    static char_set single(uint32_t c) {
        char_set set;
        set.add(c, c);
        return set;
    }

    /* Parses an escape after its backslash; a class has more than one character. */
    char_set escape() {
        bool is_class = false;
        uint32_t c = 0;
        return escape(is_class, c);
    }

    char_set escape(bool & is_class, uint32_t & c) {
        c = next(std::regex_constants::error_escape);
        is_class = c == 's' || c == 'S' || c == 'd' || c == 'D';
        char_set set;
        switch (c) {
            case 's':
            case 'S':
                set.add('\t', '\r');
                set.add(' ', ' ');
                break;
            case 'd':
            case 'D':
                set.add('0', '9');
                break;
            case 'n':
                c = '\n';
                break;
            case 'r':
                c = '\r';
                break;
            case 't':
                c = '\t';
                break;
            default:
                if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
                    throw std::regex_error(std::regex_constants::error_escape);
                }
        }
        if (!is_class) {
            return single(c);
        }
        if (c == 'S' || c == 'D') {
            set.negate();
        }
        return set;
    }

    char_set bracket() {
        char_set set;
        const bool negated = take('^');
        while (!take(']')) {
            bool is_class = false;
            const uint32_t first = bracket_item(set, is_class);
            if (is_class) {
                continue;
            }
            uint32_t last = first;
            if (is('-') && at + 1 < text.size() && text[at + 1] != ']') {
                at++;
                last = bracket_item(set, is_class);
                if (is_class || last < first) {
                    throw std::regex_error(std::regex_constants::error_range);
                }
            }
            set.add(first, last);
        }
        if (negated) {
            set.negate();
        }
        return set;
    }

    /* Parses a character, or a class, which is added to the set. */
    uint32_t bracket_item(char_set & set, bool & is_class) {
        uint32_t c = next(std::regex_constants::error_brack);
        if (c == '[' && (is('.') || is(':') || is('='))) {
            throw std::regex_error(std::regex_constants::error_brack);
        }
        if (c == '\\') {
            const char_set escaped = escape(is_class, c);
            if (is_class) {
                set.add(escaped);
            }
        }
        return c;
    }
};

/* Finds the matches in one text, from left to right. */
template <typename It> class regex_matcher {
public:
    size_t match_begin = 0;
    size_t match_end = 0;

    regex_matcher(It begin, size_t size, const regex_code & code) : begin(begin), size(size), code(code) {
        // Inner lookaheads come first.
        for (const auto & program : code.lookaheads) {
            lookaheads.push_back(ahead(program));
        }
        marks.resize(code.program.size());
        has_failed.resize(code.program.size());
    }

    /*
     * Finds the first match at or after a position.
     *
     * continuous whether it must begin at that position
     * not_null   whether it must not be empty
     */
    bool search(size_t from, bool continuous, bool not_null) {
        bool found = false;
        failing.end = 0;
        now.clear();
        for (size_t position = from;; position++) {
            round++;
            then.clear();
            if (!found && (position == from || !continuous)) {
                now.push_back({ 0, position });
            }
            if (found) {
                extend(position);
            }
            for (const attempt & tried : now) {
                if (run(tried, position, not_null)) {
                    // Later attempts have lower priority.
                    found = true;
                    match_begin = tried.begin;
                    match_end = position;
                    failing.end = 0;
                    break;
                }
            }
            if (position == size || (then.empty() && (found || continuous))) {
                keep_failed();
                return found;
            }
            std::swap(now, then);
        }
    }

private:
    /* A thread of the simulation: its place in the program, and where its match began in the text. */
    struct attempt {
        size_t pc;
        size_t begin;
    };

    /* Positions at which the same threads went on and failed. */
    struct stretch {
        size_t begin = 0;
        size_t end = 0;
        std::vector<size_t> attempts;
    };

    It begin;
    size_t size;
    const regex_code & code;
    /*
     * Attempts that failed after the last match, such as those of \s*\n in a long run of spaces; they are not repeated
     * from the next position.
     */
    stretch failed;
    stretch failing;
    std::vector<bool> has_failed;
    /* Whether each lookahead holds at each position. */
    std::vector<std::vector<bool>> lookaheads;
    std::vector<attempt> now;
    std::vector<attempt> then;
    std::vector<size_t> todo;
    /* The step in which an instruction was last reached: of two threads there, the first wins. */
    std::vector<uint64_t> marks;
    uint64_t round = 0;

    uint32_t at(size_t position) const {
        using char_t = std::make_unsigned_t<typename std::iterator_traits<It>::value_type>;
        return static_cast<uint32_t>(static_cast<char_t>(begin[position]));
    }

    bool holds(const regex_instruction & instruction, size_t position) const {
        switch (instruction.kind) {
            case regex_instruction::NEXT_IN:
                return position < size && code.sets[instruction.first].contains(at(position));
            case regex_instruction::NEXT_NOT_IN:
                return position == size || !code.sets[instruction.first].contains(at(position));
            case regex_instruction::LOOKAHEAD:
                return lookaheads[instruction.first][position];
            case regex_instruction::NO_LOOKAHEAD:
                return !lookaheads[instruction.first][position];
            case regex_instruction::WORD_BOUNDARY:
                return (position > 0 && is_word(at(position - 1))) != (position < size && is_word(at(position)));
            default:
                return position == size;
        }
    }

    static bool is_word(uint32_t c) {
        return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }

    /* The threads that are still alive after a match was found. */
    void extend(size_t position) {
        bool is_same = failing.end == position && failing.attempts.size() == now.size();
        for (size_t i = 0; is_same && i < now.size(); i++) {
            is_same = failing.attempts[i] == now[i].pc;
        }
        if (!is_same) {
            failing.begin = position;
            failing.attempts.clear();
            for (const attempt & tried : now) {
                failing.attempts.push_back(tried.pc);
            }
        }
        failing.end = position + 1;
    }

    void keep_failed() {
        if (failing.end <= failed.end) {
            return;
        }
        for (size_t pc : failed.attempts) {
            has_failed[pc] = false;
        }
        std::swap(failed, failing);
        for (size_t pc : failed.attempts) {
            has_failed[pc] = true;
        }
    }

    bool is_in_vain(size_t pc, size_t position) const {
        return has_failed[pc] && failed.begin <= position && position < failed.end;
    }

    /* Adds a thread and the threads that it splits into, in order of priority; true if one of them matches. */
    bool run(const attempt & start, size_t position, bool not_null) {
        todo.push_back(start.pc);
        while (!todo.empty()) {
            const size_t pc = todo.back();
            todo.pop_back();
            if (marks[pc] == round) {
                continue;
            }
            marks[pc] = round;
            const regex_instruction & instruction = code.program[pc];
            switch (instruction.kind) {
                case regex_instruction::CHAR:
                    if (position < size && !is_in_vain(pc + 1, position + 1) &&
                        code.sets[instruction.first].contains(at(position))) {
                        then.push_back({ pc + 1, start.begin });
                    }
                    break;
                case regex_instruction::SPLIT:
                    todo.push_back(pc + instruction.second);
                    todo.push_back(pc + instruction.first);
                    break;
                case regex_instruction::JUMP:
                    todo.push_back(pc + instruction.first);
                    break;
                case regex_instruction::MATCH:
                    if (!not_null || position != start.begin) {
                        todo.clear();
                        return true;
                    }
                    break;
                default:
                    if (holds(instruction, position)) {
                        todo.push_back(pc + 1);
                    }
            }
        }
        return false;
    }

    /* Whether a program matches at each position; computed backwards, from the end of the text. */
    std::vector<bool> ahead(const regex_program & program) const {
        std::vector<bool> result(size + 1);
        std::vector<char> behind(program.size());
        std::vector<char> here(program.size());
        for (size_t position = size + 1; position-- > 0;) {
            here.assign(program.size(), 0);
            for (bool changed = true; changed;) {
                changed = false;
                for (size_t pc = program.size(); pc-- > 0;) {
                    if (!here[pc] && reaches(program, pc, position, here, behind)) {
                        here[pc] = 1;
                        changed = true;
                    }
                }
            }
            result[position] = here[0] != 0;
            std::swap(here, behind);
        }
        return result;
    }

    bool reaches(const regex_program & program, size_t pc, size_t position, const std::vector<char> & here,
                 const std::vector<char> & behind) const {
        const regex_instruction & instruction = program[pc];
        switch (instruction.kind) {
            case regex_instruction::CHAR:
                return position < size && behind[pc + 1] && code.sets[instruction.first].contains(at(position));
            case regex_instruction::SPLIT:
                return here[pc + instruction.first] || here[pc + instruction.second];
            case regex_instruction::JUMP:
                return here[pc + instruction.first];
            case regex_instruction::MATCH:
                return true;
            default:
                return here[pc + 1] && holds(instruction, position);
        }
    }
};

template <typename CharT> class linear_regex {
public:
    linear_regex(const std::basic_string<CharT> & source, std::regex_constants::syntax_option_type) : code(source) {}

    const regex_code code;
};

/* A match; only its position and length are known. */
template <typename It> class linear_match_results {
public:
    linear_match_results(size_t begin, size_t end) : begin(begin), end(end) {}

    ptrdiff_t position() const { return static_cast<ptrdiff_t>(begin); }

    ptrdiff_t length() const { return static_cast<ptrdiff_t>(end - begin); }

private:
    size_t begin;
    size_t end;
};

/* Like std::regex_iterator; a default-constructed one is the end. */
template <typename It> class linear_regex_iterator {
public:
    using regex_t = linear_regex<typename std::iterator_traits<It>::value_type>;

    linear_regex_iterator() = default;

    linear_regex_iterator(It begin, It end, const regex_t & regex)
        : size(static_cast<size_t>(end - begin)), matcher(new regex_matcher<It>(begin, size, regex.code)) {
        end_unless(matcher->search(0, false, false));
    }

    bool operator!=(const linear_regex_iterator & other) const { return matcher != other.matcher; }

    linear_match_results<It> operator*() const { return { matcher->match_begin, matcher->match_end }; }

    linear_regex_iterator & operator++() {
        size_t from = matcher->match_end;
        if (matcher->match_begin == from) {
            if (from == size) {
                end_unless(false);
                return *this;
            }
            if (matcher->search(from, true, true)) {
                return *this;
            }
            from++;
        }
        end_unless(matcher->search(from, false, false));
        return *this;
    }

private:
    size_t size = 0;
    std::unique_ptr<regex_matcher<It>> matcher;

    void end_unless(bool found) {
        if (!found) {
            matcher.reset();
        }
    }
};

} // namespace bigllama

/* The names that unicode.cpp uses. */
namespace std {
using bigllama::linear_match_results;
using bigllama::linear_regex;
using bigllama::linear_regex_iterator;
} // namespace std

#define basic_regex linear_regex
#define match_results linear_match_results
#define regex_iterator linear_regex_iterator

#endif
