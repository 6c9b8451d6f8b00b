package io.github.bigllama.core.quantize;

import io.github.bigllama.core.exception.NativeLoadException;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.internal.check.ModelCheck;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.DoubleConsumer;
import java.util.regex.Pattern;

/**
 * Makes a model smaller by writing it with fewer bits per weight.
 *
 * <pre>{@code
 * Quantizer quantizer =
 *         Quantizer.of(Path.of("model-BF16.gguf"), Quantization.Q4_K_M, QuantizeOptions.defaults());
 * System.out.println(quantizer.plan().size());
 * quantizer.write(Path.of("model-Q4_K_M.gguf"));
 * }</pre>
 *
 * <p>The result is byte for byte the same as that of llama-quantize with the same settings. Neither
 * the model nor the result is in memory as a whole: rows are read from the mapped file and written,
 * {@link QuantizeOptions#bufferSize} bytes at a time.
 *
 * <p>Thread-safe. Writes happen one at a time; a second one waits.
 */
public final class Quantizer {
    private static final String SUFFIX = ".gguf";

    /** Suffix of the name of an incomplete file. */
    private static final String PARTIAL = ".part";

    /** What std::ofstream throws if the disk is full. */
    private static final String WRITE_FAILED = "iostream error";

    private static final Pattern SPLIT_END = Pattern.compile("-\\d{5}-of-\\d{5}\\.gguf$");

    private final ModelFiles model;
    private final Map<String, QuantizePlan.Tensor> tensors;
    private final boolean keepsSplit;
    private final QuantizeCall call;
    private final QuantizePlan plan;

    private Quantizer(
            ModelFiles model,
            Map<String, QuantizePlan.Tensor> tensors,
            boolean keepsSplit,
            QuantizeCall call,
            QuantizePlan plan) {
        this.model = model;
        this.tensors = tensors;
        this.keepsSplit = keepsSplit;
        this.call = call;
        this.plan = plan;
    }

    /**
     * Reads the headers of a model, without its weights, and decides the type of each tensor.
     *
     * @param model a GGUF file; of a model in parts, the first part
     * @throws QuantizeException if the model or the importance matrix is missing or damaged, or
     *     llama.cpp can't quantize it
     * @throws IllegalArgumentException if options contradict each other or the type
     * @throws NativeLoadException if llama.cpp cannot be loaded
     */
    public static Quantizer of(Path model, Quantization type, QuantizeOptions options) {
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(type, "type");
        Objects.requireNonNull(options, "options");
        ModelFiles files;
        ImportanceMatrix imatrix;
        try {
            files = ModelFiles.read(model);
            ModelKind kind = ModelKind.of(files);
            if (!kind.isModel() || kind == ModelKind.VOCABULARY) {
                throw new QuantizeException(
                        model, "cannot quantize %s: it %s".formatted(model, kind.sentence()));
            }
            ModelCheck.check(files);
            // Freed with the quantizer by the garbage collector.
            Arena arena = Arena.ofAuto();
            imatrix =
                    options.imatrix().map(file -> ImportanceMatrix.read(file, arena)).orElse(null);
        } catch (GgufException e) {
            throw new QuantizeException(Path.of(e.file()), e.getMessage(), List.of(), e);
        }
        boolean keepsSplit = options.keepSplit() && files.parts().size() > 1;
        QuantizeOptions kept = options.withKeepSplit(keepsSplit);
        QuantizeCheck check = new QuantizeCheck(files, type, kept);
        check.before();
        QuantizeCall call = new QuantizeCall(model, type, kept, imatrix);
        TensorLog log = new TensorLog(name -> {});
        call.dryRun(log);
        List<QuantizePlan.Tensor> tensors = tensors(files, log.types());
        QuantizePlan plan =
                new QuantizePlan(
                        tensors,
                        QuantizedHeader.fileSizes(files, tensors, keepsSplit, imatrix),
                        files.fileSize(),
                        log.fallbacks(),
                        check.obstacle(tensors, imatrix));
        Map<String, QuantizePlan.Tensor> byName = new HashMap<>();
        tensors.forEach(tensor -> byName.put(tensor.source().name(), tensor));
        return new Quantizer(files, byName, keepsSplit, call, plan);
    }

    private static List<QuantizePlan.Tensor> tensors(
            ModelFiles files, Map<String, Optional<GgmlType>> types) {
        List<QuantizePlan.Tensor> tensors = new ArrayList<>();
        for (int part = 0; part < files.parts().size(); part++) {
            for (TensorInfo source : files.parts().get(part).tensors()) {
                Optional<GgmlType> type = types.get(source.name());
                if (type == null) {
                    Path path = files.parts().get(part).path().orElseThrow();
                    throw new QuantizeException(
                            path,
                            "%s: llama.cpp does not say which type tensor %s gets"
                                    .formatted(path, source.name()));
                }
                tensors.add(new QuantizePlan.Tensor(source, part, type.orElse(source.type())));
            }
        }
        return tensors;
    }

    /** The type that each tensor gets, and the size of the result. */
    public QuantizePlan plan() {
        return plan;
    }

    /**
     * The files that {@link #write} writes: the named file, or for a split model that stays split
     * {@code name-00001-of-00003.gguf} and so on beside it.
     *
     * @param out the file, with or without {@code .gguf}; for a split model, the first part or the
     *     name before the numbers
     */
    public List<Path> targets(Path out) {
        Objects.requireNonNull(out, "out");
        return files(out, "");
    }

    private List<Path> files(Path out, String mark) {
        if (out.getFileName() == null) {
            throw new QuantizeException(out, out + " is a folder: name the file to write");
        }
        if (!keepsSplit) {
            return List.of(out.resolveSibling(out.getFileName() + mark));
        }
        List<Path> parts = new ArrayList<>();
        int count = model.parts().size();
        for (int i = 1; i <= count; i++) {
            // llama_split_path
            parts.add(
                    out.resolveSibling(
                            String.format(
                                    Locale.ROOT,
                                    "%s%s-%05d-of-%05d.gguf",
                                    prefix(out),
                                    mark,
                                    i,
                                    count)));
        }
        return parts;
    }

    private static String prefix(Path out) {
        String name = SPLIT_END.matcher(out.getFileName().toString()).replaceFirst(SUFFIX);
        return name.endsWith(SUFFIX) ? name.substring(0, name.length() - SUFFIX.length()) : name;
    }

    /**
     * Writes the result without reporting progress.
     *
     * @see #write(Path, DoubleConsumer)
     */
    public void write(Path out) {
        write(out, fraction -> {});
    }

    /**
     * Writes the result. An existing file with that name is replaced once the new one is complete.
     * Until then the new file has {@code .part} in its name; if it is not completed, it is deleted.
     *
     * @param out the file; see {@link #targets}
     * @param progress is given the fraction of the weights that is done, 0 to 1, on this thread at
     *     the beginning of each tensor. An exception that it throws ends the write and is thrown to
     *     the caller
     * @throws QuantizeException if there is an {@linkplain QuantizePlan#obstacle obstacle}, the
     *     weights are damaged, or the file can't be written
     * @throws IllegalArgumentException if the file is one of the model's files
     * @throws CancellationException if {@link #cancel} was called
     */
    public synchronized void write(Path out, DoubleConsumer progress) {
        Objects.requireNonNull(out, "out");
        Objects.requireNonNull(progress, "progress");
        call.throwIfCancelled();
        List<Path> targets = targets(out);
        try {
            for (Path target : targets) {
                requireOther(target);
            }
            requireNoObstacle();
            List<Path> partial = files(out, PARTIAL);
            try (PartialFiles files = PartialFiles.create(partial, targets, plan.size())) {
                writeNative(out, partial, progress);
                verify(partial);
                progress.accept(1);
                call.throwIfCancelled();
                files.complete();
            }
        } catch (IOException e) {
            throw new QuantizeException(
                    out, "cannot write " + out + ": " + e.getMessage(), List.of(), e);
        }
    }

    private void writeNative(Path out, List<Path> partial, DoubleConsumer progress)
            throws IOException {
        TensorWatch watch = new TensorWatch(model, plan, progress, call::stop);
        // For a split model llama.cpp wants only the beginning of the names.
        Path output = keepsSplit ? out.resolveSibling(prefix(out) + PARTIAL) : partial.getFirst();
        try {
            call.write(output.toAbsolutePath().toString(), new TensorLog(watch));
        } catch (QuantizeException e) {
            if (e.nativeLog().stream().anyMatch(line -> line.contains(WRITE_FAILED))) {
                long free = Files.getFileStore(partial.getFirst()).getUsableSpace();
                throw new IOException(
                        String.format(
                                Locale.ROOT,
                                "its disk has only %.2f GB left of the %.2f GB that are needed",
                                free / 1e9,
                                plan.size() / 1e9),
                        e);
            }
            throw e;
        }
        watch.rethrow();
    }

    /**
     * Reads the headers back, so that a file gets its final name only if it is the model that was
     * planned.
     */
    private void verify(List<Path> partial) throws IOException {
        int found = 0;
        for (Path file : partial) {
            try {
                for (TensorInfo tensor : Gguf.read(file).tensors()) {
                    QuantizePlan.Tensor planned = tensors.get(tensor.name());
                    if (planned == null || planned.type() != tensor.type()) {
                        throw new IOException(
                                tensor.name() + " was not written with the planned type and size");
                    }
                    found++;
                }
            } catch (GgufException e) {
                throw new IOException("the written file is damaged: " + e.getMessage(), e);
            }
        }
        if (found != tensors.size()) {
            throw new IOException(
                    String.format(
                            Locale.ROOT,
                            "only %d of %d tensors were written",
                            found,
                            tensors.size()));
        }
    }

    /**
     * Cancels the write that is under way on another thread, and all later ones. llama.cpp can't
     * stop within a tensor: the current one is finished first, which may take minutes for the
     * largest; then the incomplete file is deleted.
     */
    public void cancel() {
        call.cancel();
    }

    private void requireNoObstacle() {
        if (plan.obstacle().isPresent()) {
            Path path = model.first().path().orElseThrow();
            throw new QuantizeException(path, path + ": " + plan.obstacle().get());
        }
    }

    /** Also detects links to files of the model. */
    private void requireOther(Path target) throws IOException {
        for (Gguf part : model.parts()) {
            if (Files.exists(target) && Files.isSameFile(target, part.path().orElseThrow())) {
                throw new IllegalArgumentException(
                        "%s is the model itself: name another file to write".formatted(target));
            }
        }
    }
}
