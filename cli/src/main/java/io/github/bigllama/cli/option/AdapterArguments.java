package io.github.bigllama.cli.option;

import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.core.option.AdapterFile;
import io.github.bigllama.core.option.ModelOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import picocli.CommandLine.Option;

/** LoRA adapters and control vectors, as llama.cpp's options name them. */
public final class AdapterArguments {
    @Option(
            names = "--lora",
            paramLabel = "FILE",
            description = "Add a LoRA adapter to the model; several with commas, or repeated.")
    List<String> loras = List.of();

    @Option(
            names = "--lora-scaled",
            paramLabel = "FILE:SCALE",
            description = "As --lora, times a number: 0.5 for half of it.")
    List<String> scaledLoras = List.of();

    @Option(
            names = "--control-vector",
            paramLabel = "FILE",
            description =
                    "Add a control vector to what the layers compute; several with commas, or "
                            + "repeated.")
    List<String> vectors = List.of();

    @Option(
            names = "--control-vector-scaled",
            paramLabel = "FILE:SCALE",
            description = "As --control-vector, times a number, which may be negative.")
    List<String> scaledVectors = List.of();

    @Option(
            names = "--control-vector-layer-range",
            arity = "2",
            paramLabel = "N",
            description = "The first and the last layer that control vectors apply to.")
    int[] layers = {};

    /** The options of a model with these adapters. */
    public ModelOptions addTo(ModelOptions options) {
        List<AdapterFile> files = new ArrayList<>();
        add(files, loras, "--lora", AdapterArguments::whole);
        add(files, scaledLoras, "--lora-scaled", AdapterArguments::scaled);
        int first = files.size();
        add(files, vectors, "--control-vector", AdapterArguments::whole);
        add(files, scaledVectors, "--control-vector-scaled", AdapterArguments::scaled);
        if (layers.length > 0) {
            if (first == files.size()) {
                throw CommandException.usage(
                        "--control-vector-layer-range needs a --control-vector");
            }
            files.subList(first, files.size()).replaceAll(this::limited);
        }
        files.subList(0, first).forEach(file -> refuse(file, ModelKind.CONTROL_VECTOR, "--lora"));
        files.subList(first, files.size())
                .forEach(file -> refuse(file, ModelKind.LORA_ADAPTER, "--control-vector"));
        return options.withAdapters(files);
    }

    /** Refuses an adapter of the other kind; what is wrong with other files is said later. */
    private static void refuse(AdapterFile file, ModelKind other, String option) {
        ModelKind kind;
        try {
            kind = ModelKind.of(ModelFiles.read(file.file()));
        } catch (GgufException e) {
            return;
        }
        if (kind == other) {
            throw CommandException.usage(
                    "%s %s: it %s".formatted(option, file.file(), kind.sentence()));
        }
    }

    private static void add(
            List<AdapterFile> files,
            List<String> rows,
            String option,
            BiFunction<String, String, AdapterFile> reading) {
        rows.forEach(row -> fields(row).forEach(field -> files.add(reading.apply(option, field))));
    }

    private AdapterFile limited(AdapterFile file) {
        // Both as llama.cpp takes them: 0 or less is no limit.
        int first = layers[0] <= 0 ? AdapterFile.MIN_LAYER : layers[0];
        int last = layers[1] <= 0 ? AdapterFile.MAX_LAYER : layers[1];
        if (last < first) {
            throw CommandException.usage(
                    "--control-vector-layer-range is %d %d; the first layer comes first"
                            .formatted(layers[0], layers[1]));
        }
        return file.withLayers(first, last);
    }

    private static AdapterFile whole(String option, String file) {
        if (file.isEmpty()) {
            throw CommandException.usage(option + " needs a file");
        }
        return AdapterFile.of(Path.of(file));
    }

    /**
     * An adapter from {@code FILE:SCALE}.
     *
     * @param option in messages
     */
    public static AdapterFile scaled(String option, String text) {
        int colon = text.lastIndexOf(':');
        try {
            if (colon > 0) {
                return AdapterFile.of(Path.of(text.substring(0, colon)))
                        .withScale(Float.parseFloat(text.substring(colon + 1)));
            }
        } catch (IllegalArgumentException e) {
            // As below.
        }
        throw CommandException.usage(
                "%s %s is not FILE:SCALE, for example adapter.gguf:0.5".formatted(option, text));
    }

    /**
     * The fields of a row, as parse_csv_row in llama.cpp's arg.cpp: a quoted one may have commas.
     */
    static List<String> fields(String row) {
        List<String> fields = new ArrayList<>();
        StringBuilder field = new StringBuilder();
        boolean isQuoted = false;
        for (int i = 0; i < row.length(); i++) {
            char c = row.charAt(i);
            if (c == '"' && isQuoted && i + 1 < row.length() && row.charAt(i + 1) == '"') {
                field.append(c);
                i++;
            } else if (c == '"' && (isQuoted || field.isEmpty())) {
                isQuoted = !isQuoted;
            } else if (c == ',' && !isQuoted) {
                fields.add(field.toString());
                field.setLength(0);
            } else {
                field.append(c);
            }
        }
        fields.add(field.toString());
        return fields;
    }
}
