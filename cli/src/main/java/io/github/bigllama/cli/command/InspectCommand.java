package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelHeaders;
import io.github.bigllama.cli.output.ByteSize;
import io.github.bigllama.cli.output.Json;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.output.Printable;
import io.github.bigllama.cli.output.Table;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.core.gguf.GgufMetadata;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.core.inspect.ModelSummary;
import io.github.bigllama.core.inspect.ModelSummary.Group;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Describes a model. */
@Command(
        name = "inspect",
        description = {
            "Describe a model from its header alone; the model may be on a web server.",
            ""
        })
public final class InspectCommand implements Callable<Integer> {
    /** The most columns of a value in a list; a single value is printed in full. */
    private static final int WIDEST = 60;

    @Parameters(
            paramLabel = "FILE|URL",
            description =
                    "A GGUF file or its address (the first part of a split model), or demo for the "
                            + "demo model.")
    String source;

    @Option(names = "--json", description = "Print it as JSON.")
    boolean json;

    @Option(names = "--tensors", description = "Print the tensors: name, type, shape and bytes.")
    boolean tensors;

    @Option(
            names = "--metadata",
            paramLabel = "KEY",
            arity = "0..1",
            fallbackValue = "",
            description = "Print the value of a key, or all metadata if no key is given.")
    String metadata;

    @Mixin CommonArguments common = new CommonArguments();

    private final Output out = Output.standard();

    @Override
    public Integer call() {
        ModelFiles files = ModelHeaders.read(source);
        if (metadata != null) {
            printMetadata(files);
        } else if (tensors) {
            printTensors(files);
        } else {
            ModelSummary summary = ModelSummary.of(files);
            if (json) {
                out.println(Json.write(summary));
            } else {
                print(summary, files.metadata());
            }
        }
        return ExitCode.OK;
    }

    private void printMetadata(ModelFiles files) {
        if (metadata.isEmpty()) {
            var values = files.metadata().asMap();
            if (json) {
                out.println(
                        Json.write(
                                values.entrySet().stream()
                                        .collect(
                                                Collectors.toMap(
                                                        e -> e.getKey(),
                                                        e -> e.getValue().toString(),
                                                        (a, b) -> a,
                                                        LinkedHashMap::new))));
                return;
            }
            Table table = new Table("lll");
            values.forEach((key, value) -> table.row(key, value.type().label(), oneLine(value)));
            table.lines().forEach(out::println);
            return;
        }
        GgufValue value =
                files.metadata()
                        .find(metadata)
                        .orElseThrow(
                                () ->
                                        CommandException.usage(
                                                "%s has no metadata key %s; --metadata without a key lists all"
                                                        .formatted(source, metadata)));
        out.println(json ? Json.write(value.toString()) : value.toString());
    }

    private static String oneLine(GgufValue value) {
        String text = value.toString().replaceAll("\\s+", " ");
        return text.length() <= WIDEST ? text : text.substring(0, WIDEST) + "...";
    }

    private void printTensors(ModelFiles files) {
        List<TensorInfo> all = files.tensors();
        if (json) {
            out.println(Json.write(all));
            return;
        }
        Table table = new Table("llrr");
        for (TensorInfo tensor : all) {
            table.row(
                    tensor.name(),
                    tensor.type().label(),
                    tensor.shape().stream().map(String::valueOf).collect(Collectors.joining(" x ")),
                    Long.toString(tensor.size()));
        }
        table.lines().forEach(out::println);
    }

    private void print(ModelSummary model, GgufMetadata metadata) {
        Table facts = new Table("ll");
        facts.row("model", model.name().orElse("(no name)"));
        facts.row("kind", model.kind().toString());
        facts.row("architecture", model.architecture().orElse("(none)"));
        facts.row(
                "file",
                String.format(
                        Locale.ROOT,
                        "%s, GGUF %d%s",
                        ByteSize.format(model.fileSize()),
                        model.version(),
                        model.files() == 1 ? "" : ", in " + model.files() + " files"));
        facts.row(
                "weights",
                "%s in %s, %s bits per weight"
                        .formatted(
                                count(model.parameters()),
                                ByteSize.format(model.weights()),
                                decimal(model.bitsPerWeight())));
        facts.row("per token", active(model));
        facts.row("context", text(model.contextSize(), " tokens in training"));
        facts.row(
                "shape",
                "%s layers, embedding %s, %s heads, %s key/value heads"
                        .formatted(
                                text(model.layers(), ""),
                                text(model.embeddingSize(), ""),
                                text(model.heads(), ""),
                                text(model.keyValueHeads(), "")));
        facts.row(
                "vocabulary",
                text(model.vocabularySize(), " tokens")
                        + model.tokenizer().map(kind -> " (" + kind + ")").orElse(""));
        facts.row("chat template", model.hasChatTemplate() ? "yes" : "none");
        for (String key : List.of("license", "description")) {
            metadata.string("general." + key)
                    .filter(text -> !text.isBlank())
                    .ifPresent(text -> facts.row(key, Printable.line(text).strip()));
        }
        facts.lines().forEach(out::println);
        print("type", model.types(), model.weights());
        print("role", model.roles(), model.weights());
        print("part", alike(model.parts()), model.weights());
    }

    private static String active(ModelSummary model) {
        String all = ByteSize.format(model.active());
        return model.active() == model.everyToken()
                ? all
                : "%s: %s always, and %s of %s experts in each layer"
                        .formatted(
                                all,
                                ByteSize.format(model.everyToken()),
                                text(model.expertsUsed(), ""),
                                text(model.experts(), ""));
    }

    /** Merges consecutive layers of the same size into one line. */
    private static List<Group> alike(List<Group> parts) {
        List<Group> lines = new ArrayList<>();
        int from = 0;
        for (int i = 1; i <= parts.size(); i++) {
            Group first = parts.get(from);
            boolean same =
                    i < parts.size()
                            && parts.get(i).size() == first.size()
                            && parts.get(i).tensors() == first.tensors()
                            && parts.get(i).active() == first.active();
            if (!same) {
                String name =
                        i - from == 1
                                ? first.name()
                                : String.format(
                                        Locale.ROOT,
                                        "%d equal layers from %s",
                                        i - from,
                                        first.name().replace("layer ", ""));
                lines.add(new Group(name, first.tensors(), first.size(), first.active()));
                from = i;
            }
        }
        return lines;
    }

    private void print(String title, List<Group> groups, long all) {
        Table table = new Table("lrrrr").row(title, "tensors", "size", "share", "used per token");
        for (Group group : groups) {
            table.row(
                    group.name(),
                    Integer.toString(group.tensors()),
                    ByteSize.format(group.size()),
                    decimal(100.0 * group.size() / all) + " %",
                    ByteSize.format(group.active()));
        }
        out.println("");
        table.lines().forEach(out::println);
    }

    private static String text(OptionalLong value, String unit) {
        return value.isPresent() ? value.getAsLong() + unit : "?";
    }

    private static String decimal(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }

    private static String count(long parameters) {
        return parameters < 1e9
                ? String.format(Locale.ROOT, "%.2f million", parameters / 1e6)
                : String.format(Locale.ROOT, "%.2f billion", parameters / 1e9);
    }
}
