package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelArguments;
import io.github.bigllama.cli.option.NewFile;
import io.github.bigllama.cli.option.QuantizationNames;
import io.github.bigllama.cli.output.ByteSize;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.quantize.Quantization;
import io.github.bigllama.core.quantize.QuantizeOptions;
import io.github.bigllama.core.quantize.QuantizeOptions.TensorType;
import io.github.bigllama.core.quantize.QuantizePlan;
import io.github.bigllama.core.quantize.Quantizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes a model with fewer bits per weight. */
@Command(
        name = "quantize",
        description = {
            "Write a model with fewer bits per weight, as llama-quantize does. It needs little RAM,"
                    + " however large the model is.",
            ""
        })
public final class QuantizeCommand implements Callable<Integer> {
    @Parameters(
            arity = "2..3",
            paramLabel = "IN [OUT] TYPE",
            hideParamSyntax = true,
            description =
                    "A GGUF file (the first part of a split model), or demo for the demo model; "
                            + "the file to write, optional with --dry-run; and one of the types "
                            + "below.")
    List<String> arguments;

    @Option(
            names = "--dry-run",
            description = "Write nothing, only say how large the result will be.")
    boolean dryRun;

    @Option(
            names = "--allow-requantize",
            description =
                    "Quantize even tensors that are quantized already, which loses more than "
                            + "quantizing the original.")
    boolean allowRequantize;

    @Option(names = "--pure", description = "Use one type for all matrices, not a mixture.")
    boolean pure;

    @Option(
            names = "--imatrix",
            paramLabel = "FILE",
            description = "An importance matrix, as llama-imatrix writes it.")
    Path imatrix;

    @Option(names = "--leave-output-tensor", description = "Leave output.weight as it is.")
    boolean leaveOutputTensor;

    @Option(
            names = "--output-tensor-type",
            paramLabel = "TYPE",
            converter = QuantizationNames.TensorTypes.class,
            description = "The type of output.weight, for example q8_0.")
    GgmlType outputTensorType;

    @Option(
            names = "--token-embedding-type",
            paramLabel = "TYPE",
            converter = QuantizationNames.TensorTypes.class,
            description = "The type of the token embedding.")
    GgmlType tokenEmbeddingType;

    @Option(
            names = "--tensor-type",
            paramLabel = "REGEX=TYPE",
            converter = QuantizationNames.Overrides.class,
            description =
                    "The type of all tensors whose names match the regular expression, for example "
                            + "ffn_down=q6_k. Repeatable; the first match counts.")
    List<TensorType> tensorTypes = List.of();

    @Option(
            names = "--keep-split",
            description =
                    "Write as many parts as the model has; OUT is then the beginning of their "
                            + "names.")
    boolean keepSplit;

    @Option(
            names = "--max-buffer-size",
            paramLabel = "SIZE",
            description =
                    "Most memory for rows, in MiB or for example 2G. Default: an eighth of the "
                            + "available RAM, at most 1 GiB.")
    String bufferSize;

    @Option(
            names = {"-t", "--threads"},
            paramLabel = "N",
            description = "Number of threads (default: one per processor).")
    int threads = QuantizeOptions.AUTO_THREADS;

    @Mixin NewFile newFile = new NewFile();
    @Mixin CommonArguments common = new CommonArguments();

    @Override
    public Integer call() {
        String in = arguments.getFirst();
        Quantization type = QuantizationNames.parse(arguments.getLast());
        Path out = arguments.size() < 3 ? null : Path.of(arguments.get(1));
        if (out == null && !dryRun) {
            throw CommandException.usage("OUT is missing: IN OUT TYPE, or --dry-run IN TYPE");
        }
        Path model = in.equals("demo") ? ModelArguments.demoModel() : Path.of(in);
        Quantizer quantizer = Quantizer.of(model, type, options());
        if (dryRun) {
            report(quantizer, out, type);
            return quantizer.plan().obstacle().isEmpty() ? ExitCode.OK : ExitCode.FAILED;
        }
        write(quantizer, out);
        return ExitCode.OK;
    }

    private QuantizeOptions options() {
        QuantizeOptions options =
                QuantizeOptions.defaults()
                        .withThreads(threads)
                        .withPure(pure)
                        .withAllowRequantize(allowRequantize)
                        .withLeaveOutputTensor(leaveOutputTensor)
                        .withTensorTypes(tensorTypes)
                        .withKeepSplit(keepSplit);
        if (outputTensorType != null) {
            options = options.withOutputTensorType(outputTensorType);
        }
        if (tokenEmbeddingType != null) {
            options = options.withTokenEmbeddingType(tokenEmbeddingType);
        }
        if (imatrix != null) {
            options = options.withImatrix(imatrix);
        }
        if (bufferSize != null) {
            // As in llama-quantize, a plain number means MiB.
            String size = bufferSize.matches("\\d+") ? bufferSize + "MiB" : bufferSize;
            options = options.withBufferSize(new ByteSize().convert(size));
        }
        return options;
    }

    private void write(Quantizer quantizer, Path out) {
        List<Path> targets = quantizer.targets(out);
        targets.forEach(newFile::check);
        warn(quantizer.plan());
        long start = System.nanoTime();
        newFile.write(
                targets.getFirst(),
                quantizer::cancel,
                progress -> quantizer.write(out, progress::test));
        double seconds = (System.nanoTime() - start) / 1e9;
        QuantizePlan plan = quantizer.plan();
        print(
                "%s, %.2f bits per weight -> %s, %.2f bits per weight (%.1f %%), in %.1f s",
                ByteSize.format(plan.sourceSize()),
                plan.sourceBitsPerWeight(),
                ByteSize.format(size(targets)),
                plan.bitsPerWeight(),
                100.0 * plan.size() / plan.sourceSize(),
                seconds);
    }

    private static long size(List<Path> files) {
        long size = 0;
        for (Path file : files) {
            size += file.toFile().length();
        }
        return size;
    }

    private static void report(Quantizer quantizer, Path out, Quantization type) {
        QuantizePlan plan = quantizer.plan();
        print(
                "now    %9s, %5.2f bits per weight",
                ByteSize.format(plan.sourceSize()), plan.sourceBitsPerWeight());
        print(
                "%-6s %9s, %5.2f bits per weight (%.1f %%)",
                type,
                ByteSize.format(plan.size()),
                plan.bitsPerWeight(),
                100.0 * plan.size() / plan.sourceSize());
        for (Map.Entry<GgmlType, QuantizePlan.Share> entry : plan.types().entrySet()) {
            print(
                    "  %-8s %9s in %d tensors",
                    entry.getKey().label(),
                    ByteSize.format(entry.getValue().bytes()),
                    entry.getValue().tensors());
        }
        if (out != null) {
            free(quantizer.targets(out).getFirst());
        }
        warn(plan);
        plan.obstacle()
                .ifPresent(obstacle -> System.err.println("bigllama: this will fail: " + obstacle));
    }

    private static void free(Path target) {
        Path folder = target.toAbsolutePath().getParent();
        try {
            print(
                    "free   %9s on the disk of %s",
                    ByteSize.format(Files.getFileStore(folder).getUsableSpace()), folder);
        } catch (IOException e) {
            System.err.println(
                    "bigllama: cannot look at " + folder + ": " + CommandException.reason(e));
        }
    }

    private static void warn(QuantizePlan plan) {
        if (plan.fallbacks() > 0) {
            System.err.printf(
                    "bigllama: %d of %d tensors get another type than intended, because their row "
                            + "length is not a multiple of its block size%n",
                    plan.fallbacks(), plan.tensors().size());
        }
    }

    private static void print(String format, Object... values) {
        Output.standard().println(String.format(Locale.ROOT, format, values));
    }
}
