package io.github.bigllama.internal.schema.value;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;

/**
 * The GBNF of the decimal numbers between two bounds. llama.cpp's converter supports only bounds of
 * integers.
 */
public final class NumberRange {
    /** Numbers that are finite as a double: 16 digits, and an exponent of two digits. */
    public static final String FREE =
            "(\"-\"? ([0] | [1-9] [0-9]{0,15}) (\".\" [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?)";

    private static final BigDecimal LARGE = BigDecimal.TEN.pow(60);
    private static final int MOST_SCALE = 20;
    private static final int MORE_DIGITS = 12;

    private NumberRange() {}

    /**
     * A bound.
     *
     * @param isExclusive whether the value itself is excluded
     */
    public record Bound(BigDecimal value, boolean isExclusive) {}

    /**
     * Writes the grammar.
     *
     * @param min null for none
     * @param max null for none
     * @param decimals the most digits after the point; negative for any number
     * @return empty if there is no such number that can be written
     */
    public static String gbnf(Bound min, Bound max, int decimals) {
        boolean isFree =
                (min == null || min.value.compareTo(LARGE.pow(2).negate()) <= 0)
                        && (max == null || max.value.compareTo(LARGE.pow(2)) >= 0)
                        && decimals < 0;
        if (isFree) {
            return FREE;
        }
        BigDecimal low = min == null ? null : min.value;
        BigDecimal high = max == null ? null : max.value;
        low = low == null ? beyond(high).negate() : low;
        high = high == null ? beyond(low) : high;
        low = low.max(LARGE.negate());
        high = high.min(LARGE);
        boolean isExclusive = (min != null && min.isExclusive) || (max != null && max.isExclusive);
        int scale = Math.max(scale(low), scale(high)) + (isExclusive ? 3 : 0);
        scale = decimals >= 0 ? decimals : Math.min(MOST_SCALE, scale);
        BigInteger first = scaled(low, scale, RoundingMode.CEILING);
        BigInteger last = scaled(high, scale, RoundingMode.FLOOR);
        if (min != null && min.isExclusive && isEqual(first, scale, min.value)) {
            first = first.add(BigInteger.ONE);
        }
        if (max != null && max.isExclusive && isEqual(last, scale, max.value)) {
            last = last.subtract(BigInteger.ONE);
        }
        if (first.compareTo(last) > 0) {
            return "";
        }
        int more = decimals >= 0 ? 0 : MORE_DIGITS;
        StringBuilder grammar = new StringBuilder("(");
        if (last.signum() >= 0) {
            grammar.append(magnitudes(first.max(BigInteger.ZERO), last, scale, more));
        }
        if (first.signum() < 0) {
            BigInteger smallest = last.negate().max(BigInteger.ZERO);
            grammar.append(last.signum() >= 0 ? " | " : "")
                    .append("\"-\" (")
                    .append(magnitudes(smallest, first.negate(), scale, more))
                    .append(")");
        }
        return grammar.append(")").toString();
    }

    /** A bound to use for none: larger than the other bound, and than ordinary numbers. */
    private static BigDecimal beyond(BigDecimal other) {
        BigDecimal ordinary = BigDecimal.TEN.pow(15);
        return other == null ? ordinary : other.abs().multiply(BigDecimal.TEN).max(ordinary);
    }

    private static int scale(BigDecimal value) {
        return Math.max(0, value.stripTrailingZeros().scale());
    }

    private static BigInteger scaled(BigDecimal value, int scale, RoundingMode mode) {
        return value.movePointRight(scale).setScale(0, mode).toBigInteger();
    }

    private static boolean isEqual(BigInteger scaled, int scale, BigDecimal value) {
        return new BigDecimal(scaled, scale).compareTo(value) == 0;
    }

    /** Numbers from first to last, which are multiples of 10^-scale, and those between them. */
    private static String magnitudes(BigInteger first, BigInteger last, int scale, int more) {
        String exact = between(last, last, scale);
        BigInteger before = last.subtract(BigInteger.ONE);
        if (first.compareTo(before) > 0) {
            return exact;
        }
        String digits =
                more == 0
                        ? ""
                        : scale == 0 ? "(\".\" [0-9]{1," + more + "})?" : "[0-9]{0," + more + "}";
        return "(%s) %s | %s".formatted(between(first, before, scale), digits, exact);
    }

    private static String between(BigInteger first, BigInteger last, int scale) {
        StringBuilder all = new StringBuilder();
        for (int length = scale + 1; ; length++) {
            BigInteger end = BigInteger.TEN.pow(length);
            BigInteger begin = length == scale + 1 ? BigInteger.ZERO : end.divide(BigInteger.TEN);
            BigInteger low = first.max(begin);
            BigInteger high = last.min(end.subtract(BigInteger.ONE));
            if (low.compareTo(high) <= 0) {
                all.append(all.isEmpty() ? "" : " | ")
                        .append(
                                sameLength(
                                        digits(low, length),
                                        digits(high, length),
                                        0,
                                        scale == 0 ? -1 : length - scale));
            }
            if (last.compareTo(end) < 0) {
                return all.toString();
            }
        }
    }

    private static String digits(BigInteger value, int length) {
        String text = value.toString();
        return "0".repeat(length - text.length()) + text;
    }

    private static String sameLength(String low, String high, int at, int point) {
        if (at == low.length()) {
            return "";
        }
        String dot = at == point ? "\".\" " : "";
        char a = low.charAt(at);
        char b = high.charAt(at);
        if (isAll(low, at, '0') && isAll(high, at, '9')) {
            return any(low.length(), at, point);
        }
        if (a == b) {
            return dot + "[" + a + "] " + sameLength(low, high, at + 1, point);
        }
        StringBuilder choices = new StringBuilder();
        char from = a;
        char to = b;
        if (!isAll(low, at + 1, '0')) {
            String nines = low.substring(0, at + 1) + "9".repeat(low.length() - at - 1);
            choices.append("[").append(a).append("] ");
            choices.append(sameLength(low, nines, at + 1, point)).append(" | ");
            from++;
        }
        boolean isWhole = isAll(high, at + 1, '9');
        if (!isWhole) {
            to--;
        }
        if (from <= to) {
            choices.append("[%c-%c] ".formatted(from, to));
            choices.append(any(low.length(), at + 1, point));
            choices.append(isWhole ? "" : " | ");
        }
        if (!isWhole) {
            String zeros = high.substring(0, at + 1) + "0".repeat(low.length() - at - 1);
            choices.append("[").append(b).append("] ");
            choices.append(sameLength(zeros, high, at + 1, point));
        }
        String text = choices.toString();
        return dot
                + "("
                + (text.endsWith(" | ") ? text.substring(0, text.length() - 3) : text)
                + ")";
    }

    private static boolean isAll(String text, int from, char c) {
        return text.chars().skip(from).allMatch(x -> x == c);
    }

    /** Any digits from an index on, with the point among or before them. */
    private static String any(int length, int at, int point) {
        if (point < at || point < 0) {
            return length == at ? "" : "[0-9]{" + (length - at) + "}";
        }
        String whole = point > at ? "[0-9]{" + (point - at) + "} " : "";
        return whole + "\".\" [0-9]{" + (length - point) + "}";
    }
}
