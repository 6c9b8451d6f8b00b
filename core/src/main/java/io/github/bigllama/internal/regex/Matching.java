package io.github.bigllama.internal.regex;

import java.util.Arrays;
import java.util.BitSet;
import java.util.stream.IntStream;

/**
 * Matches a text against a regular expression, in time and memory that texts can't make explode: it
 * follows all alternatives at the same time instead of one after the other.
 */
final class Matching {
    private final int[] text;

    private Matching(int[] text) {
        this.text = text;
    }

    static boolean matches(Regex regex, String text) {
        int[] codePoints = text.codePoints().toArray();
        int[] ends = new Matching(codePoints).ends(regex, new int[] {0});
        return ends.length > 0 && ends[ends.length - 1] == codePoints.length;
    }

    /**
     * The positions where a match may end.
     *
     * @param starts the positions where it may begin, in ascending order, as is the result
     */
    private int[] ends(Regex regex, int[] starts) {
        return switch (regex) {
            case Regex.Chars chars ->
                    IntStream.of(starts)
                            .filter(i -> i < text.length && chars.set().contains(text[i]))
                            .map(i -> i + 1)
                            .toArray();
            case Regex.Sequence sequence -> {
                int[] reached = starts;
                for (Regex part : sequence.parts()) {
                    reached = ends(part, reached);
                }
                yield reached;
            }
            case Regex.Choice choice -> {
                BitSet all = new BitSet();
                choice.parts().forEach(part -> IntStream.of(ends(part, starts)).forEach(all::set));
                yield all.stream().toArray();
            }
            case Regex.Repeat repeat -> repeated(repeat, starts);
        };
    }

    private int[] repeated(Regex.Repeat repeat, int[] starts) {
        int[] reached = starts;
        for (int i = 0; i < repeat.min() && reached.length > 0; i++) {
            int[] next = ends(repeat.part(), reached);
            if (Arrays.equals(next, reached)) {
                break;
            }
            reached = next;
        }
        BitSet all = new BitSet();
        IntStream.of(reached).forEach(all::set);
        for (int i = repeat.min(); i < repeat.max() && reached.length > 0; i++) {
            reached =
                    IntStream.of(ends(repeat.part(), reached))
                            .filter(end -> !all.get(end))
                            .toArray();
            IntStream.of(reached).forEach(all::set);
        }
        return all.stream().toArray();
    }
}
