package io.github.bigllama.core.quantize;

import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;

import io.github.bigllama.bindings.NativeLibrary;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.check.ModelCheck;
import io.github.bigllama.internal.load.ModelFingerprint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.DoubleConsumer;
import java.util.stream.Stream;

/**
 * Copies of models with few bits per weight, in the user's cache: each drafts tokens for its
 * original, see {@link ModelOptions#draftModel()}. The {@value #KEPT} most recently used copies are
 * kept.
 */
public final class DraftModels {
    /** The number of copies that are kept. */
    public static final int KEPT = 3;

    /** How the names of copies begin that are being made. */
    private static final String PART = "making-";

    /** A part that was written to that long ago is from a process that was killed. */
    private static final Duration ABANDONED = Duration.ofDays(1);

    private static final System.Logger LOGGER = System.getLogger(DraftModels.class.getName());

    private DraftModels() {}

    /**
     * The copy of a model. It is made if it does not exist, which reads the whole model and needs
     * little RAM.
     *
     * @param model a GGUF file; of a split model, the first part
     * @param type the type of most of its weights
     * @param progress is given the fraction that is done, 0 to 1, if the copy has to be made. An
     *     exception that it throws ends that and is thrown to the caller
     * @throws QuantizeException if the copy can't be made
     */
    public static Path of(Path model, Quantization type, DoubleConsumer progress) {
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(type, "type");
        Objects.requireNonNull(progress, "progress");
        try {
            Path folder = NativeLibrary.userCache().resolve("drafts");
            Path copy = folder.resolve(name(model, type));
            if (!isWhole(copy)) {
                Files.createDirectories(folder);
                // Another process may be making the same copy.
                Path mine = Files.createTempFile(folder, PART, ".gguf");
                try {
                    Quantizer.of(model, type, QuantizeOptions.defaults().withAllowRequantize(true))
                            .write(mine, progress);
                    Files.move(mine, copy, ATOMIC_MOVE, REPLACE_EXISTING);
                } finally {
                    Files.deleteIfExists(mine);
                }
            }
            tidy(folder, copy);
            return copy;
        } catch (IOException e) {
            throw new QuantizeException(
                    model,
                    "cannot make a draft model of " + model + " in the cache: " + e,
                    List.of(),
                    e);
        }
    }

    /** A disk that was full, or a crash of the system, may have left a part of it. */
    private static boolean isWhole(Path copy) {
        try {
            ModelCheck.check(ModelFiles.read(copy), Map.of());
            return true;
        } catch (GgufException e) {
            return false;
        }
    }

    /** Notes the use of a copy, and deletes those used long ago; the copy is good without that. */
    private static void tidy(Path folder, Path copy) {
        try {
            Files.setLastModifiedTime(copy, FileTime.from(Instant.now()));
            prune(folder);
        } catch (IOException e) {
            LOGGER.log(System.Logger.Level.DEBUG, "cannot tidy {0}: {1}", folder, e);
        }
    }

    private static String name(Path model, Quantization type) throws IOException {
        Weights weights = Weights.of(ModelFiles.read(model));
        return "%s-%s.gguf"
                .formatted(ModelFingerprint.of(weights, Map.of()).substring(0, 32), type);
    }

    private static void prune(Path folder) throws IOException {
        List<Path> all;
        try (Stream<Path> files = Files.list(folder)) {
            all = files.toList();
        }
        FileTime abandoned = FileTime.from(Instant.now().minus(ABANDONED));
        Stream<Path> parts =
                all.stream().filter(file -> isPart(file) && used(file).compareTo(abandoned) < 0);
        Stream<Path> copies =
                all.stream()
                        .filter(file -> !isPart(file))
                        .sorted(Comparator.comparing(DraftModels::used).reversed())
                        .skip(KEPT);
        for (Path file : Stream.concat(parts, copies).toList()) {
            Files.deleteIfExists(file);
        }
    }

    private static boolean isPart(Path file) {
        return file.getFileName().toString().startsWith(PART);
    }

    private static FileTime used(Path file) {
        try {
            return Files.getLastModifiedTime(file);
        } catch (IOException e) {
            // Another process has just deleted it.
            return FileTime.fromMillis(0);
        }
    }
}
