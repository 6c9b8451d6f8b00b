package io.github.bigllama.internal.regex;

import java.util.ArrayList;
import java.util.List;

/**
 * A set of Unicode code points without surrogates, as sorted ranges with gaps between them.
 * Immutable.
 */
public record CodePoints(List<int[]> ranges) {
    static final CodePoints ALL = of(0, 0xD7FF).or(of(0xE000, Character.MAX_CODE_POINT));
    static final CodePoints DIGITS = of('0', '9');
    static final CodePoints WORD = of('a', 'z').or(of('A', 'Z')).or(DIGITS).or(of('_', '_'));
    static final CodePoints ASCII_SPACE = of('\t', '\r').or(of(' ', ' '));
    static final CodePoints SPACE =
            ASCII_SPACE
                    .or(of(0xA0, 0xA0))
                    .or(of(0x1680, 0x1680))
                    .or(of(0x2000, 0x200A))
                    .or(of(0x2028, 0x2029))
                    .or(of(0x202F, 0x202F))
                    .or(of(0x205F, 0x205F))
                    .or(of(0x3000, 0x3000))
                    .or(of(0xFEFF, 0xFEFF));
    static final CodePoints LINE_ENDS =
            of('\n', '\n')
                    .or(of('\r', '\r'))
                    .or(of(0x85, 0x85)) // Only some validators exclude it from the dot.
                    .or(of(0x2028, 0x2029));

    /** The code points from first to last, both included. */
    public static CodePoints of(int first, int last) {
        return new CodePoints(List.of(new int[] {first, last}));
    }

    public CodePoints or(CodePoints other) {
        List<int[]> all = new ArrayList<>(ranges);
        all.addAll(other.ranges);
        all.sort((a, b) -> Integer.compare(a[0], b[0]));
        List<int[]> merged = new ArrayList<>();
        for (int[] range : all) {
            int[] last = merged.isEmpty() ? null : merged.getLast();
            if (last != null && range[0] <= last[1] + 1) {
                last[1] = Math.max(last[1], range[1]);
            } else {
                merged.add(range.clone());
            }
        }
        return new CodePoints(merged);
    }

    public CodePoints and(CodePoints other) {
        List<int[]> common = new ArrayList<>();
        for (int[] a : ranges) {
            for (int[] b : other.ranges) {
                int first = Math.max(a[0], b[0]);
                int last = Math.min(a[1], b[1]);
                if (first <= last) {
                    common.add(new int[] {first, last});
                }
            }
        }
        return new CodePoints(common);
    }

    public CodePoints not() {
        List<int[]> rest = new ArrayList<>();
        int next = 0;
        for (int[] range : ranges) {
            if (range[0] > next) {
                rest.add(new int[] {next, range[0] - 1});
            }
            next = range[1] + 1;
        }
        if (next <= Character.MAX_CODE_POINT) {
            rest.add(new int[] {next, Character.MAX_CODE_POINT});
        }
        return new CodePoints(rest).and(ALL);
    }

    boolean contains(int codePoint) {
        return ranges.stream().anyMatch(r -> r[0] <= codePoint && codePoint <= r[1]);
    }

    boolean isEmpty() {
        return ranges.isEmpty();
    }

    int size() {
        return ranges.stream().mapToInt(r -> r[1] - r[0] + 1).sum();
    }
}
