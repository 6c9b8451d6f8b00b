package io.github.bigllama.core.structure;

import io.github.bigllama.internal.regex.CodePoints;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Writes random texts of a GBNF grammar, like a model whose tokens are all equally likely. */
public final class GbnfWalk {
    /** From this length on the shortest way to the end is taken. */
    private static final int LONG = 300;

    private static final long NEVER = 1_000_000_000L;

    private sealed interface Node {}

    private record Literal(String text) implements Node {}

    private record Chars(List<int[]> ranges) implements Node {}

    private record Rule(String name) implements Node {}

    private record Sequence(List<Node> parts) implements Node {}

    private record Choice(List<Node> parts) implements Node {}

    private record Repeat(Node part, int min, int max) implements Node {}

    private final Map<String, Node> rules = new HashMap<>();
    private final Map<String, Long> shortest = new HashMap<>();
    private final String source;
    private int at;

    public GbnfWalk(String source) {
        this.source = source;
        while (skipSpace(true)) {
            String name = name();
            skipSpace(false);
            require("::=");
            rules.put(name, choice(true));
        }
        boolean hasChanged = true;
        while (hasChanged) {
            hasChanged = false;
            for (Map.Entry<String, Node> rule : rules.entrySet()) {
                long length = length(rule.getValue());
                if (length < shortest.getOrDefault(rule.getKey(), NEVER)) {
                    shortest.put(rule.getKey(), length);
                    hasChanged = true;
                }
            }
        }
    }

    /** A text of the rule root. */
    public String text(Random random) {
        StringBuilder text = new StringBuilder();
        write(new Rule("root"), text, random);
        return text.toString();
    }

    private long length(Node node) {
        return Math.min(
                NEVER,
                switch (node) {
                    case Literal literal -> literal.text.length();
                    case Chars chars -> 1;
                    case Rule rule -> shortest.getOrDefault(rule.name, NEVER);
                    case Sequence sequence -> sequence.parts.stream().mapToLong(this::length).sum();
                    case Choice choice ->
                            choice.parts.stream().mapToLong(this::length).min().orElse(0);
                    case Repeat repeat -> repeat.min == 0 ? 0 : length(repeat.part) * repeat.min;
                });
    }

    private void write(Node node, StringBuilder text, Random random) {
        boolean isLong = text.length() > LONG;
        switch (node) {
            case Literal literal -> text.append(literal.text);
            case Chars chars -> text.appendCodePoint(character(chars.ranges, random));
            case Rule rule -> write(rules.get(rule.name), text, random);
            case Sequence sequence -> sequence.parts.forEach(part -> write(part, text, random));
            case Choice choice -> write(choose(choice.parts, isLong, random), text, random);
            case Repeat repeat -> {
                int more = repeat.max - repeat.min;
                int count = repeat.min;
                // Mistakes are most likely at both ends.
                if (!isLong && more > 0) {
                    count +=
                            random.nextInt(4) == 0
                                    ? Math.min(more, 3000)
                                    : random.nextInt(Math.min(more, 6) + 1);
                }
                for (int i = 0; i < count; i++) {
                    if (i >= repeat.min && text.length() > LONG + 1500) {
                        break;
                    }
                    write(repeat.part, text, random);
                }
            }
        }
    }

    private Node choose(List<Node> parts, boolean isLong, Random random) {
        List<Node> possible = new ArrayList<>();
        long best = parts.stream().mapToLong(this::length).min().orElseThrow();
        for (Node part : parts) {
            if (isLong ? length(part) == best : length(part) < NEVER) {
                possible.add(part);
            }
        }
        return possible.get(random.nextInt(possible.size()));
    }

    private static int character(List<int[]> ranges, Random random) {
        while (true) {
            int[] range = ranges.get(random.nextInt(ranges.size()));
            int size = Math.min(range[1] - range[0] + 1, random.nextInt(3) == 0 ? 0x110000 : 96);
            int c = range[0] + random.nextInt(size);
            if (c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE) {
                return c;
            }
        }
    }

    private Node choice(boolean isTop) {
        List<Node> parts = new ArrayList<>();
        parts.add(sequence(isTop));
        while (at < source.length() && source.charAt(at) == '|') {
            at++;
            parts.add(sequence(isTop));
        }
        return parts.size() == 1 ? parts.getFirst() : new Choice(parts);
    }

    private Node sequence(boolean isTop) {
        List<Node> parts = new ArrayList<>();
        while (true) {
            skipSpace(!isTop);
            if (at >= source.length() || "|)\n".indexOf(source.charAt(at)) >= 0) {
                return new Sequence(parts);
            }
            Node atom = atom();
            while (at < source.length() && "*+?{".indexOf(source.charAt(at)) >= 0) {
                atom = repeat(atom);
            }
            parts.add(atom);
        }
    }

    private Node repeat(Node atom) {
        char c = source.charAt(at++);
        if (c != '{') {
            return new Repeat(atom, c == '+' ? 1 : 0, c == '?' ? 1 : Integer.MAX_VALUE);
        }
        int end = source.indexOf('}', at);
        String[] numbers = source.substring(at, end).split(",", -1);
        at = end + 1;
        int min = Integer.parseInt(numbers[0]);
        int max =
                numbers.length == 1
                        ? min
                        : numbers[1].isEmpty() ? Integer.MAX_VALUE : Integer.parseInt(numbers[1]);
        return new Repeat(atom, min, max);
    }

    private Node atom() {
        char c = source.charAt(at);
        if (c == '"') {
            at++;
            StringBuilder text = new StringBuilder();
            while (source.charAt(at) != '"') {
                text.appendCodePoint(character());
            }
            at++;
            return new Literal(text.toString());
        } else if (c == '[') {
            return chars();
        } else if (c == '(') {
            at++;
            Node inner = choice(false);
            require(")");
            return inner;
        }
        return new Rule(name());
    }

    private Node chars() {
        at++;
        boolean isNegated = source.charAt(at) == '^';
        if (isNegated) {
            at++;
        }
        List<int[]> ranges = new ArrayList<>();
        while (source.charAt(at) != ']') {
            int first = character();
            int last = first;
            if (source.charAt(at) == '-' && source.charAt(at + 1) != ']') {
                at++;
                last = character();
            }
            ranges.add(new int[] {first, last});
        }
        at++;
        if (!isNegated) {
            return new Chars(ranges);
        }
        CodePoints set = new CodePoints(List.of());
        for (int[] range : ranges) {
            set = set.or(CodePoints.of(range[0], range[1]));
        }
        return new Chars(set.not().ranges());
    }

    private int character() {
        int c = source.codePointAt(at);
        at += Character.charCount(c);
        if (c != '\\') {
            return c;
        }
        char escape = source.charAt(at++);
        int digits = escape == 'x' ? 2 : escape == 'u' ? 4 : escape == 'U' ? 8 : 0;
        if (digits > 0) {
            at += digits;
            return Integer.parseInt(source.substring(at - digits, at), 16);
        }
        int index = "tnr".indexOf(escape);
        return index >= 0 ? "\t\n\r".charAt(index) : escape;
    }

    private String name() {
        int start = at;
        while (at < source.length()
                && (Character.isLetterOrDigit(source.charAt(at)) || source.charAt(at) == '-')) {
            at++;
        }
        if (at == start) {
            throw new IllegalArgumentException(
                    "no GBNF at "
                            + at
                            + ": "
                            + source.substring(at, Math.min(source.length(), at + 40)));
        }
        return source.substring(start, at);
    }

    private void require(String text) {
        if (!source.startsWith(text, at)) {
            throw new IllegalArgumentException("no " + text + " at " + at + ": " + source);
        }
        at += text.length();
    }

    private boolean skipSpace(boolean overLines) {
        while (at < source.length()
                && (source.charAt(at) == ' ' || (overLines && source.charAt(at) == '\n'))) {
            at++;
        }
        return at < source.length();
    }
}
