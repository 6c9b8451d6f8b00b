package io.github.bigllama.internal.regex;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * A regular expression for whole texts, which can be written so that llama.cpp's converter
 * translates it correctly: anchored, with only groups, classes, alternatives and repetitions, and
 * with the escapes that JSON needs in a string.
 */
public sealed interface Regex {
    /** More repetitions would make grammars of many megabytes. */
    int MOST_REPETITIONS = 1_000_000;

    int UNLIMITED = Integer.MAX_VALUE;

    /** llama.cpp refuses more than 2000 repetitions, or takes them as unlimited. */
    int BLOCK = 1000;

    /** The characters that a JSON string has to escape. */
    CodePoints ESCAPED =
            CodePoints.of(0, 0x1F).or(CodePoints.of('"', '"')).or(CodePoints.of('\\', '\\'));

    /** The expression as an item that a quantifier may follow. */
    String item();

    /** Code points of the shortest text. */
    long shortest();

    /** Code points of the longest text; {@link #UNLIMITED} or more if there is none. */
    long longest();

    /** Whether a whole text matches. */
    default boolean matches(String text) {
        return Matching.matches(this, text);
    }

    /** The pattern for llama.cpp. */
    default String pattern() {
        return "^" + item() + "$";
    }

    /** Any text of a length. */
    static Regex text(int min, int max) {
        return new Repeat(new Chars(CodePoints.ALL), min, max);
    }

    /** One code point of a set. */
    record Chars(CodePoints set) implements Regex {
        @Override
        public String item() {
            List<String> parts = new ArrayList<>();
            CodePoints plain = set.and(ESCAPED.not());
            if (!plain.isEmpty()) {
                parts.add(charClass(plain));
            }
            CodePoints escaped = set.and(ESCAPED);
            // Of a large set, answers only need the common characters.
            boolean isLarge = set.size() > 1000;
            for (int[] range : escaped.ranges()) {
                for (int c = range[0]; c <= range[1]; c++) {
                    if (!isLarge || "\"\\\n\t".indexOf(c) >= 0) {
                        parts.add("[\\x5C]" + escape(c));
                    }
                }
            }
            return parts.size() == 1 && !plain.isEmpty()
                    ? parts.getFirst()
                    : "(" + String.join("|", parts) + ")";
        }

        private static String escape(int c) {
            int letter = "\b\f\n\r\t".indexOf(c);
            if (letter >= 0) {
                return String.valueOf("bfnrt".charAt(letter));
            }
            return c == '"' || c == '\\'
                    ? "[" + one(c) + "]"
                    : String.format(Locale.ROOT, "u%04x", c);
        }

        private static String charClass(CodePoints set) {
            return set.ranges().stream()
                    .map(r -> r[0] == r[1] ? one(r[0]) : one(r[0]) + "-" + one(r[1]))
                    .collect(Collectors.joining("", "[", "]"));
        }

        private static String one(int c) {
            if (c < 128 && Character.isLetterOrDigit(c)) {
                return Character.toString(c);
            }
            String format = c < 0x80 ? "\\x%02X" : c < 0x10000 ? "\\u%04X" : "\\U%08X";
            return String.format(Locale.ROOT, format, c);
        }

        @Override
        public long shortest() {
            return 1;
        }

        @Override
        public long longest() {
            return 1;
        }
    }

    /** Several expressions, one after the other. */
    record Sequence(List<Regex> parts) implements Regex {
        @Override
        public String item() {
            return parts.stream().map(Regex::item).collect(Collectors.joining("", "(", ")"));
        }

        @Override
        public long shortest() {
            return parts.stream().mapToLong(Regex::shortest).sum();
        }

        @Override
        public long longest() {
            return parts.stream().mapToLong(Regex::longest).reduce(0, Regex::sum);
        }
    }

    /** One of several expressions. */
    record Choice(List<Regex> parts) implements Regex {
        @Override
        public String item() {
            return parts.stream().map(Regex::item).collect(Collectors.joining("|", "(", ")"));
        }

        @Override
        public long shortest() {
            return parts.stream().mapToLong(Regex::shortest).min().orElse(0);
        }

        @Override
        public long longest() {
            return parts.stream().mapToLong(Regex::longest).max().orElse(0);
        }
    }

    /** A repeated expression. */
    record Repeat(Regex part, int min, int max) implements Regex {
        @Override
        public String item() {
            String item = part.item();
            if (max == 0) {
                return "()";
            }
            if (min == 0 && max == 1) {
                return "(" + item + "?)";
            }
            String rest = max == UNLIMITED ? item + "*" : upTo(item, max - min);
            return "(" + exactly(item, min) + rest + ")";
        }

        private static String exactly(String item, int count) {
            if (count <= BLOCK) {
                return count == 0 ? "" : item + "{" + count + "}";
            }
            return String.format(
                    Locale.ROOT,
                    "(%s{%d}){%d}%s",
                    item,
                    BLOCK,
                    count / BLOCK,
                    exactly(item, count % BLOCK));
        }

        private static String upTo(String item, int count) {
            if (count <= BLOCK) {
                return count == 0 ? "" : item + "{0," + count + "}";
            }
            int block = (int) Math.ceil(Math.sqrt(count));
            int blocks = (count - (block - 1)) / block;
            return String.format(
                    Locale.ROOT,
                    "(%s{%d}){0,%d}%s",
                    item,
                    block,
                    blocks,
                    upTo(item, count - blocks * block));
        }

        @Override
        public long shortest() {
            return times(part.shortest(), min);
        }

        @Override
        public long longest() {
            return times(part.longest(), max);
        }
    }

    private static long sum(long a, long b) {
        return Math.min(UNLIMITED, a + b);
    }

    private static long times(long a, long b) {
        return Math.min(UNLIMITED, a * b);
    }
}
