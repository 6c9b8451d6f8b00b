package io.github.bigllama.internal.schema.value;

import com.networknt.schema.regex.RegularExpression;
import io.github.bigllama.internal.regex.RegexParser;
import java.util.regex.PatternSyntaxException;

/** Compiles patterns for the validator by the rules of ECMA-262, which differ from Java's. */
public final class Patterns {
    private Patterns() {}

    /**
     * Compiles a pattern. Java's engine is used for those that no grammar can express, such as
     * look-around.
     *
     * @throws IllegalArgumentException if Java can't compile it either
     */
    public static RegularExpression compile(String pattern) {
        try {
            return RegexParser.parse(pattern)::matches;
        } catch (IllegalArgumentException e) {
            return java(pattern, e);
        }
    }

    private static RegularExpression java(String pattern, IllegalArgumentException reason) {
        try {
            return new JavaPattern(pattern);
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException(reason.getMessage(), e);
        }
    }
}
