package io.github.bigllama.internal.schema;

import com.networknt.schema.regex.JDKRegularExpressionFactory;
import com.networknt.schema.regex.RegularExpression;
import io.github.bigllama.internal.regex.RegexParser;

/** The patterns of schemas, for the validator: they are ECMA-262's, which Java's differ from. */
final class Patterns {
    private Patterns() {}

    /**
     * Compiles one. Those that no grammar can express (look-around and the like) are left to Java.
     *
     * @throws IllegalArgumentException if Java can't read it either
     */
    static RegularExpression compile(String pattern) {
        try {
            return RegexParser.parse(pattern)::matches;
        } catch (IllegalArgumentException e) {
            return java(pattern, e);
        }
    }

    private static RegularExpression java(String pattern, IllegalArgumentException reason) {
        try {
            return JDKRegularExpressionFactory.getInstance().getRegularExpression(pattern);
        } catch (RuntimeException e) {
            throw new IllegalArgumentException(reason.getMessage(), e);
        }
    }
}
