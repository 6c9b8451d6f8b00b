package io.github.bigllama.internal.engine;

import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.ContextMemory;
import java.nio.file.Path;
import java.util.List;

/**
 * Whether there is room in RAM for a session beside the weights of its model, before anything of it
 * is allocated. llama.cpp fills a KV cache with zeros when it makes it: if that is too large, the
 * system ends the process.
 */
public final class SessionRoom {
    private final long ownBytes;

    /** Compute buffers take about this part of the size of the weights. */
    private static final int COMPUTE_BUFFERS = 50;

    private final Path path;
    private final ModelLoader.Loaded loaded;
    private final int trainedContextSize;

    /**
     * For the sessions of a model.
     *
     * @param ownBytes bytes of memory that hold weights and can be given back
     */
    public SessionRoom(
            Path path, ModelLoader.Loaded loaded, int trainedContextSize, long ownBytes) {
        this.ownBytes = ownBytes;
        this.path = path;
        this.loaded = loaded;
        this.trainedContextSize = trainedContextSize;
    }

    /** Bytes that a session takes, a little more than less, at once. */
    private double bound(SessionOptions options) {
        double elements = loaded.kvElements() * options.contextSize();
        return elements
                        * (options.keyType().bytesPerElement()
                                + options.valueType().bytesPerElement())
                + (double) loaded.weights().size() / COMPUTE_BUFFERS;
    }

    /** Whether it fits beside all weights. */
    public boolean fitsBesideAll(SessionOptions options) {
        long room = loaded.budget().weightRam(-ownBytes) - loaded.weights().size();
        if (bound(options) <= room) {
            return true;
        }
        try (DryModel model = dry()) {
            return model.memory(batched(options)).total() <= room;
        }
    }

    /**
     * The options with a certain context size.
     *
     * @throws SessionException if there is no room for it; it says how much there would be room for
     */
    public SessionOptions resolve(SessionOptions options) {
        SessionOptions trained =
                options.contextSize() > 0 ? options : options.withContextSize(trainedContextSize);
        long ram = loaded.budget().weightRam(-ownBytes);
        long room = ram - loaded.residentLeast();
        boolean auto = options.contextSize() == SessionOptions.AUTO_CONTEXT;
        if (!auto && bound(trained) <= room) {
            return trained;
        }
        try (DryModel model = dry()) {
            if (auto) {
                long beside = Math.max(ram - loaded.weights().size(), ram / DryModel.SHARE);
                return trained.withContextSize(
                        require(model.largestContext(batched(trained), beside), ram));
            }
            ContextMemory memory = model.memory(batched(trained));
            if (memory.total() <= room) {
                return trained;
            }
            int largest = model.largestContext(batched(trained), room);
            throw new SessionException(
                    "%s: a context of %d tokens takes %.2f GB, and there are %.2f GB of RAM beside the least of the weights: %s"
                            .formatted(
                                    path,
                                    trained.contextSize(),
                                    memory.total() / 1e9,
                                    Math.max(0, room) / 1e9,
                                    largest == 0
                                            ? "there is no room for any"
                                            : "the largest that fits is %d, or more with a smaller KV type"
                                                    .formatted(largest)),
                    List.of());
        }
    }

    private int require(int context, long ram) {
        if (context == 0) {
            throw new SessionException(
                    "%s: there is no room for any context in %.2f GB of RAM"
                            .formatted(path, Math.max(0, ram) / 1e9),
                    List.of());
        }
        return context;
    }

    /** A session that takes more for larger batches takes them only if there is room. */
    private static SessionOptions batched(SessionOptions options) {
        int batch = options.batchSize();
        return options.microBatchSize() == SessionOptions.AUTO_MICRO_BATCH
                ? options.withBatchSizes(batch, Math.min(batch, Context.USUAL_BATCH))
                : options;
    }

    private DryModel dry() {
        return new DryModel(path, loaded.options());
    }
}
