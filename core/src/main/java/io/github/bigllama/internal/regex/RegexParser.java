package io.github.bigllama.internal.regex;

import java.util.ArrayList;
import java.util.List;

/**
 * Parses regular expressions of ECMA-262, as in JSON schemas, which match anywhere in a text.
 * Constructs that no grammar can express (look-around, back references, word boundaries) are
 * refused.
 */
public final class RegexParser {
    private static final int MOST_DEPTH = 30;
    private static final Regex ANYTHING = Regex.text(0, Regex.UNLIMITED);

    private final String source;
    private int at;
    private int depth;

    /** Whether the parser is in a class that begins with ^. */
    private boolean isInverted;

    private RegexParser(String source) {
        this.source = source;
    }

    /**
     * Parses a pattern.
     *
     * @throws IllegalArgumentException if it is invalid or can't be expressed, with the reason
     */
    public static Regex parse(String source) {
        RegexParser parser = new RegexParser(source);
        List<Regex> alternatives = new ArrayList<>();
        do {
            alternatives.add(parser.anchored());
        } while (parser.accept('|'));
        if (parser.at < source.length()) {
            throw parser.fail("an unmatched )");
        }
        return alternatives.size() == 1 ? alternatives.getFirst() : new Regex.Choice(alternatives);
    }

    private IllegalArgumentException fail(String reason) {
        return new IllegalArgumentException(
                "the pattern " + source + " has " + reason + " (at character " + (at + 1) + ")");
    }

    private boolean accept(char c) {
        if (at < source.length() && source.charAt(at) == c) {
            at++;
            return true;
        }
        return false;
    }

    private boolean accept(String text) {
        if (source.startsWith(text, at)) {
            at += text.length();
            return true;
        }
        return false;
    }

    private int next() {
        if (at >= source.length()) {
            throw fail("an unexpected end");
        }
        int c = source.codePointAt(at);
        at += Character.charCount(c);
        return c;
    }

    /** A top-level alternative. */
    private Regex anchored() {
        List<Regex> parts = new ArrayList<>();
        if (!accept('^')) {
            parts.add(ANYTHING);
        }
        while (accept('^')) {
            // A repeated ^ has no effect.
        }
        sequence(parts);
        boolean isAtEnd = false;
        while (accept('$')) {
            isAtEnd = true;
        }
        if (at < source.length() && source.charAt(at) != '|' && source.charAt(at) != ')') {
            throw fail("a $ that is not at its end");
        }
        if (!isAtEnd) {
            parts.add(ANYTHING);
        }
        return new Regex.Sequence(parts);
    }

    private Regex choice() {
        List<Regex> alternatives = new ArrayList<>();
        do {
            List<Regex> parts = new ArrayList<>();
            sequence(parts);
            alternatives.add(new Regex.Sequence(parts));
        } while (accept('|'));
        return alternatives.size() == 1 ? alternatives.getFirst() : new Regex.Choice(alternatives);
    }

    private void sequence(List<Regex> parts) {
        while (at < source.length() && "|)$".indexOf(source.charAt(at)) < 0) {
            parts.add(quantified(atom()));
        }
    }

    private Regex atom() {
        int c = next();
        return switch (c) {
            case '.' -> new Regex.Chars(CodePoints.LINE_ENDS.not());
            case '[' -> new Regex.Chars(notEmpty(charClass()));
            case '\\' -> new Regex.Chars(escape(false));
            case '(' -> group();
            case '^' -> throw fail("a ^ that is not at its beginning");
            case '*', '+', '?' -> throw fail("nothing to repeat");
            default -> new Regex.Chars(literal(c));
        };
    }

    private CodePoints literal(int c) {
        if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
            throw fail("a lone surrogate");
        }
        return CodePoints.of(c, c);
    }

    private CodePoints notEmpty(CodePoints set) {
        if (set.isEmpty()) {
            throw fail("an empty class");
        }
        return set;
    }

    private Regex group() {
        if (accept("?<=") || accept("?<!") || accept("?=") || accept("?!")) {
            throw fail("a look-around, which no grammar can express");
        }
        if (accept("?<")) {
            while (next() != '>') {
                // The name of the group does not matter.
            }
        } else if (!accept("?:") && source.startsWith("?", at)) {
            throw fail("a group of an unknown kind");
        }
        if (++depth > MOST_DEPTH) {
            throw fail("groups more than " + MOST_DEPTH + " deep");
        }
        Regex inner = choice();
        if (source.startsWith("$", at)) {
            throw fail("a $ that is not at its end");
        }
        if (!accept(')')) {
            throw fail("an unmatched (");
        }
        depth--;
        return inner;
    }

    private Regex quantified(Regex atom) {
        int min;
        int max;
        if (accept('*')) {
            min = 0;
            max = Regex.UNLIMITED;
        } else if (accept('+')) {
            min = 1;
            max = Regex.UNLIMITED;
        } else if (accept('?')) {
            min = 0;
            max = 1;
        } else if (source.startsWith("{", at)
                && source.substring(at).matches("(?s)\\{\\d+(,\\d*)?\\}.*")) {
            at++;
            min = count();
            max = accept(',') ? (source.charAt(at) == '}' ? Regex.UNLIMITED : count()) : min;
            at++;
            if (min > max) {
                throw fail("a repetition from " + min + " to " + max);
            }
        } else {
            return atom;
        }
        accept('?'); // A lazy quantifier matches the same texts.
        if (at < source.length() && "*+?".indexOf(source.charAt(at)) >= 0) {
            throw fail("nothing to repeat");
        }
        return new Regex.Repeat(atom, min, max);
    }

    private int count() {
        int start = at;
        while (Character.isDigit(source.charAt(at))) {
            at++;
        }
        String digits = source.substring(start, at);
        if (digits.length() > 7 || Integer.parseInt(digits) > Regex.MOST_REPETITIONS) {
            throw fail("more than " + Regex.MOST_REPETITIONS + " repetitions");
        }
        return Integer.parseInt(digits);
    }

    private CodePoints charClass() {
        boolean isNegated = accept('^');
        isInverted = isNegated;
        CodePoints set = new CodePoints(List.of());
        while (!accept(']')) {
            CodePoints first = member();
            if (source.startsWith("-", at) && !source.startsWith("-]", at)) {
                at++;
                CodePoints last = member();
                if (first.size() != 1
                        || last.size() != 1
                        || first.ranges().getFirst()[0] > last.ranges().getFirst()[0]) {
                    throw fail("an invalid range");
                }
                first = CodePoints.of(first.ranges().getFirst()[0], last.ranges().getFirst()[0]);
            }
            set = set.or(first);
        }
        isInverted = false;
        return isNegated ? set.not() : set.and(CodePoints.ALL);
    }

    private CodePoints member() {
        int c = next();
        return c == '\\' ? escape(true) : literal(c);
    }

    private CodePoints escape(boolean isInClass) {
        int c = next();
        return switch (c) {
            case 'd' -> CodePoints.DIGITS;
            case 'D' -> CodePoints.DIGITS.not();
            case 'w' -> CodePoints.WORD;
            case 'W' -> CodePoints.WORD.not();
            // Validators disagree on spaces of other scripts, so neither \\s nor \\S includes them.
            case 's' -> isInverted ? CodePoints.SPACE : CodePoints.ASCII_SPACE;
            case 'S' -> (isInverted ? CodePoints.ASCII_SPACE : CodePoints.SPACE).not();
            case 't' -> literal('\t');
            case 'n' -> literal('\n');
            case 'r' -> literal('\r');
            case 'f' -> literal('\f');
            case 'v' -> literal(0x0B);
            case '0' -> literal(0);
            case 'x' -> literal(hex(2));
            case 'u' -> literal(accept('{') ? braced() : unicode());
            case 'b' -> {
                if (!isInClass) {
                    throw fail("a word boundary, which no grammar can express");
                }
                yield literal('\b');
            }
            default -> {
                if (c < 128 && Character.isLetterOrDigit(c)) {
                    throw fail("\\" + (char) c + ", which no grammar can express");
                }
                yield literal(c);
            }
        };
    }

    private int unicode() {
        int c = hex(4);
        if (Character.isHighSurrogate((char) c) && accept("\\u")) {
            c = Character.toCodePoint((char) c, (char) hex(4));
        }
        return c;
    }

    private int braced() {
        int end = source.indexOf('}', at);
        int c = end < 0 || end - at > 6 ? -1 : hex(end - at);
        if (!accept('}') || !Character.isValidCodePoint(c)) {
            throw fail("\\u{ without a code point");
        }
        return c;
    }

    private int hex(int digits) {
        String text = source.substring(at, Math.min(source.length(), at + digits));
        if (!text.matches("[0-9a-fA-F]{" + digits + "}")) {
            throw fail("an escape without its " + digits + " hexadecimal digits");
        }
        at += digits;
        return Integer.parseInt(text, 16);
    }
}
