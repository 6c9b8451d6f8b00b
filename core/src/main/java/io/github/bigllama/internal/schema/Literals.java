package io.github.bigllama.internal.schema;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;

/** Checks values that llama.cpp writes into a grammar literally. */
final class Literals {
    private Literals() {}

    /**
     * llama.cpp stores numbers as 64-bit integers or doubles, and strings as UTF-8.
     *
     * @throws IllegalArgumentException if a value, or a part of it, would be changed
     */
    static void check(Place keyword, JsonNode value) {
        if (value.isNumber() && !isExact(value.decimalValue())) {
            throw keyword.fail("the number " + value + " does not fit into a double");
        }
        if (value.isTextual()) {
            requireCharacters(keyword, value.textValue());
        }
        value.properties()
                .forEach(
                        property -> {
                            requireCharacters(keyword, property.getKey());
                            check(keyword, property.getValue());
                        });
        if (value.isArray()) {
            value.forEach(element -> check(keyword, element));
        }
    }

    private static boolean isExact(BigDecimal number) {
        if (number.stripTrailingZeros().scale() <= 0
                && number.abs().compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) <= 0) {
            return true;
        }
        double nearest = number.doubleValue();
        return Double.isFinite(nearest)
                && new BigDecimal(Double.toString(nearest)).compareTo(number) == 0;
    }

    /** A lone surrogate has no UTF-8 encoding. */
    static void requireCharacters(Place keyword, String text) {
        if (text.codePoints()
                .anyMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE)) {
            throw keyword.fail("a string has a lone surrogate");
        }
    }
}
