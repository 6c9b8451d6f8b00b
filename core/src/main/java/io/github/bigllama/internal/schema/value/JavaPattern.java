package io.github.bigllama.internal.schema.value;

import com.networknt.schema.regex.RegularExpression;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A pattern with look-around or back references, for Java's engine. It tries one way after the
 * other, of which there may be more than anyone can wait for, so it has to give up some time.
 */
final class JavaPattern implements RegularExpression {
    /** Looks at the text: some tenths of a second. */
    private static final long MOST_LOOKS = 20_000_000;

    /** Looks for each character, because honest patterns may look at a long text several times. */
    private static final long MOST_LOOKS_EACH = 100;

    private final Pattern pattern;

    /**
     * Compiles a pattern.
     *
     * @throws java.util.regex.PatternSyntaxException if Java does not understand it
     */
    JavaPattern(String pattern) {
        this.pattern = Pattern.compile(pattern);
    }

    /**
     * @throws IllegalArgumentException if it takes too long to find out
     */
    @Override
    public boolean matches(String value) {
        try {
            Matcher matcher = pattern.matcher(new Watched(value, new long[1], value.length()));
            String source = pattern.pattern();
            // Java's anchors also match beside line ends.
            return matcher.find()
                    && (!source.startsWith("^") || matcher.start() == 0)
                    && (!source.endsWith("$") || matcher.end() == value.length());
        } catch (TooLong | StackOverflowError e) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "the pattern %s takes too long with a text of %d characters: write it without (?= (?! (?<",
                            pattern,
                            value.length()));
        }
    }

    private static final class TooLong extends RuntimeException {
        private static final long serialVersionUID = 1;

        TooLong() {
            super(null, null, false, false);
        }
    }

    /** A text that counts how often it is looked at. */
    private record Watched(CharSequence text, long[] looks, int whole) implements CharSequence {
        @Override
        public char charAt(int index) {
            if (++looks[0] > MOST_LOOKS + MOST_LOOKS_EACH * whole) {
                throw new TooLong();
            }
            return text.charAt(index);
        }

        @Override
        public int length() {
            return text.length();
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return new Watched(text.subSequence(start, end), looks, whole);
        }

        @Override
        public String toString() {
            return text.toString();
        }
    }
}
