package io.github.bigllama.internal.schema;

import io.github.bigllama.internal.regex.Regex;
import java.math.BigDecimal;
import java.util.Locale;

/** The limits of a length or a number of parts, from all schemas of a value. */
record Bounds(int min, int max) {
    static final int UNLIMITED = Regex.UNLIMITED;

    /**
     * Reads the limits.
     *
     * @throws Unsatisfiable if the lower limit is above the upper one
     */
    static Bounds of(Facts facts, String least, String most) {
        int min = 0;
        int max = UNLIMITED;
        for (Place place : facts.all(least)) {
            min = Math.max(min, number(place));
        }
        for (Place place : facts.all(most)) {
            max = Math.min(max, number(place));
        }
        if (min > max) {
            throw new Unsatisfiable(
                    facts.all(least).getFirst().pointer(),
                    String.format(Locale.ROOT, "%s %d is more than %s %d", least, min, most, max));
        }
        return new Bounds(min, max);
    }

    private static int number(Place place) {
        if (!place.schema().isNumber()) {
            throw place.fail("not a number: " + place.schema());
        }
        BigDecimal number = place.schema().decimalValue();
        if (number.signum() < 0 || number.stripTrailingZeros().scale() > 0) {
            throw place.fail("not a whole number of at least 0: " + number);
        }
        return number.min(BigDecimal.valueOf(UNLIMITED)).intValue();
    }

    boolean isFree() {
        return min == 0 && max == UNLIMITED;
    }
}
