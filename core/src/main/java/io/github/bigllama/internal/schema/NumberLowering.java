package io.github.bigllama.internal.schema;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.internal.schema.value.NumberRange;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;

/** Rewrites schemas of numbers and integers. llama.cpp supports bounds only for 64-bit integers. */
final class NumberLowering {
    /** The largest bound: beyond it llama.cpp ignores a bound, or overflows. */
    private static final BigInteger MOST = BigInteger.valueOf(Long.MAX_VALUE - 1);

    private static final BigInteger ORDINARY = BigInteger.TEN.pow(15);

    private NumberLowering() {}

    static ObjectNode lower(SchemaLowering lowering, Facts facts, boolean isInteger) {
        NumberRange.Bound min = bound(facts, "minimum", "exclusiveMinimum", 1);
        NumberRange.Bound max = bound(facts, "maximum", "exclusiveMaximum", -1);
        if (min != null && max != null) {
            int order = min.value().compareTo(max.value());
            if (order > 0 || (order == 0 && (min.isExclusive() || max.isExclusive()))) {
                throw new Unsatisfiable(
                        first(facts, "minimum", "exclusiveMinimum").pointer(),
                        "no number is above %s and below %s".formatted(min.value(), max.value()));
            }
        }
        int decimals = isInteger ? 0 : -1;
        for (Place place : facts.all("multipleOf")) {
            int allowed = decimals(place.schema().decimalValue());
            if (allowed < 0) {
                lowering.unsupported(
                        place, "only multiples of 1, 0.1, 0.01 and so on can be enforced");
            } else {
                decimals = decimals < 0 ? allowed : Math.min(decimals, allowed);
            }
        }
        if (decimals == 0) {
            return integer(facts, min, max);
        }
        if (lowering.isCheckedLater()) {
            return SchemaLowering.NODES.objectNode().put("type", "number");
        }
        String gbnf = NumberRange.gbnf(min, max, decimals);
        if (gbnf.isEmpty()) {
            lowering.unsupported(
                    first(facts, "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"),
                    "bounds that are so close to each other, or so large, can't be enforced");
        }
        return lowering.hole(gbnf);
    }

    private static Place first(Facts facts, String... keywords) {
        for (String keyword : keywords) {
            if (facts.has(keyword)) {
                return facts.all(keyword).getFirst();
            }
        }
        throw new IllegalStateException("none of the keywords is there");
    }

    private static NumberRange.Bound bound(
            Facts facts, String inclusive, String exclusive, int sign) {
        NumberRange.Bound tightest = null;
        for (String keyword : new String[] {inclusive, exclusive}) {
            for (Place place : facts.all(keyword)) {
                if (!place.schema().isNumber()) {
                    throw place.fail("not a number: " + place.schema());
                }
                BigDecimal value = place.schema().decimalValue();
                if (Math.abs((long) value.precision() - value.scale()) > 1000) {
                    throw place.fail("the bound " + value + " can't be enforced");
                }
                int order = tightest == null ? 1 : value.compareTo(tightest.value()) * sign;
                if (order > 0 || (order == 0 && keyword.equals(exclusive))) {
                    tightest = new NumberRange.Bound(value, keyword.equals(exclusive));
                }
            }
        }
        return tightest;
    }

    /**
     * The number of decimals of a unit; negative if its multiples are not exactly the numbers with
     * that many decimals.
     */
    private static int decimals(BigDecimal unit) {
        BigDecimal stripped = unit.stripTrailingZeros();
        return stripped.unscaledValue().equals(BigInteger.ONE)
                        && stripped.scale() >= 0
                        && stripped.scale() <= 12
                ? stripped.scale()
                : -1;
    }

    private static ObjectNode integer(Facts facts, NumberRange.Bound min, NumberRange.Bound max) {
        ObjectNode lowered = SchemaLowering.NODES.objectNode().put("type", "integer");
        if (min == null && max == null) {
            return lowered;
        }
        BigInteger first = min == null ? null : whole(min, RoundingMode.CEILING, BigInteger.ONE);
        BigInteger last =
                max == null ? null : whole(max, RoundingMode.FLOOR, BigInteger.ONE.negate());
        if (first == null) {
            first = last.abs().multiply(BigInteger.TEN).max(ORDINARY).negate();
        }
        if (last == null) {
            last = first.abs().multiply(BigInteger.TEN).max(ORDINARY);
        }
        Place place = first(facts, "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum");
        if (first.compareTo(last) > 0) {
            throw new Unsatisfiable(place.pointer(), "no integer is between the bounds");
        }
        first = first.max(MOST.negate());
        last = last.min(MOST);
        if (first.compareTo(last) > 0) {
            throw place.fail("integers of more than 64 bits can't be enforced");
        }
        return lowered.put("minimum", first.longValueExact()).put("maximum", last.longValueExact());
    }

    private static BigInteger whole(
            NumberRange.Bound bound, RoundingMode mode, BigInteger inwards) {
        BigInteger whole = bound.value().setScale(0, mode).toBigInteger();
        boolean isOut = bound.isExclusive() && new BigDecimal(whole).compareTo(bound.value()) == 0;
        return isOut ? whole.add(inwards) : whole;
    }
}
