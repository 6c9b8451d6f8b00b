package io.github.bigllama.cli.output;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Parses and formats sizes in bytes: 12G, 600M, 1.5GiB. */
public final class ByteSize implements ITypeConverter<Long> {
    private static final Pattern SIZE =
            Pattern.compile("(\\d+(?:\\.\\d+)?) ?([KMGT]?)(i?)B?", Pattern.CASE_INSENSITIVE);
    private static final Map<String, Integer> POWERS =
            Map.of("", 0, "K", 1, "M", 2, "G", 3, "T", 4);

    @Override
    public Long convert(String text) {
        Matcher matcher = SIZE.matcher(text);
        if (!matcher.matches() || matcher.group(2).isEmpty() && !matcher.group(3).isEmpty()) {
            throw new TypeConversionException(
                    "'%s' is not a size; write 12G (10^9 bytes), 12GiB (2^30), 600M or a number of bytes"
                            .formatted(text));
        }
        int power = POWERS.get(matcher.group(2).toUpperCase(Locale.ROOT));
        BigDecimal unit = BigDecimal.valueOf(matcher.group(3).isEmpty() ? 1000 : 1024).pow(power);
        try {
            return new BigDecimal(matcher.group(1)).multiply(unit).toBigInteger().longValueExact();
        } catch (ArithmeticException e) {
            throw new TypeConversionException("'%s' is more than any machine has".formatted(text));
        }
    }

    /** A size in kilobytes, megabytes or gigabytes, which are powers of ten. */
    public static String format(double bytes) {
        if (bytes > 0 && bytes < 1e5) {
            return String.format(Locale.ROOT, "%.1f kB", bytes / 1e3);
        }
        return bytes < 1e9
                ? String.format(Locale.ROOT, "%.1f MB", bytes / 1e6)
                : String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
    }
}
