package io.github.bigllama.cli.option;

import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.quantize.Quantization;
import io.github.bigllama.core.quantize.QuantizeOptions;
import io.github.bigllama.core.quantize.QuantizeOptions.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** The types that a model and its tensors can be quantized to, as they are typed. */
public final class QuantizationNames {
    private QuantizationNames() {}

    /** One line per type, for the help. */
    public static String[] list() {
        List<String> lines = new ArrayList<>();
        lines.add("");
        lines.add("Types, and the bits that most weights take (the result takes a little more):");
        for (Quantization type : Quantization.values()) {
            String bits =
                    type.tensorType()
                            .map(t -> String.format(Locale.ROOT, "%6.3f", t.bitsPerElement()))
                            .orElse("");
            lines.add("  %-9s %6s  %s".formatted(type, bits, type.description()));
        }
        lines.add("Q3_K, Q4_K and Q5_K are short for Q3_K_M, Q4_K_M and Q5_K_M.");
        lines.add("");
        // picocli takes each line as a format.
        return lines.stream().map(line -> line.replace("%", "%%")).toArray(String[]::new);
    }

    /**
     * The type with a name, in upper or lower case; the error for an unknown name lists similar
     * ones.
     */
    public static Quantization parse(String name) {
        return Quantization.ofName(name)
                .orElseThrow(
                        () -> {
                            List<String> all =
                                    Stream.of(Quantization.values()).map(Enum::name).toList();
                            return CommandException.usage(
                                    "'%s' is not a type; %s"
                                            .formatted(name, suggestion(name, all)));
                        });
    }

    /** Types of tensors, by their names in ggml, in upper or lower case. */
    public static final class TensorTypes implements ITypeConverter<GgmlType> {
        @Override
        public GgmlType convert(String name) {
            return tensorType(name);
        }
    }

    /** {@code REGEX=TYPE}. */
    public static final class Overrides implements ITypeConverter<TensorType> {
        @Override
        public TensorType convert(String text) {
            int end = text.lastIndexOf('=');
            if (end < 1) {
                throw new TypeConversionException(
                        "'%s' is not REGEX=TYPE, for example ffn_down=q6_k".formatted(text));
            }
            return new TensorType(text.substring(0, end), tensorType(text.substring(end + 1)));
        }
    }

    private static GgmlType tensorType(String name) {
        for (GgmlType type : QuantizeOptions.TENSOR_TYPES) {
            if (type.label().equalsIgnoreCase(name)) {
                return type;
            }
        }
        throw new TypeConversionException(
                "'%s' is not a type that a tensor can be quantized to; there are %s"
                        .formatted(
                                name,
                                QuantizeOptions.TENSOR_TYPES.stream()
                                        .sorted()
                                        .map(type -> type.label().toLowerCase(Locale.ROOT))
                                        .collect(Collectors.joining(", "))));
    }

    /** The most similar names, or all names if none is similar. */
    private static String suggestion(String name, List<String> all) {
        List<String> near = Suggestion.of(name, all);
        return near.isEmpty()
                ? "there are " + String.join(", ", all)
                : "did you mean %s? --help lists all".formatted(String.join(" or ", near));
    }
}
