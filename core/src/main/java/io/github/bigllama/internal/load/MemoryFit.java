package io.github.bigllama.internal.load;

import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.ContextMemory;
import io.github.bigllama.core.residency.RamBudget;
import io.github.bigllama.core.residency.Weight;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.LongUnaryOperator;

/**
 * Decides whether and how a model and its sessions fit into RAM: the rules that loads, sessions and
 * forecasts share, and their results for one loaded model.
 *
 * <p>{@code ram} is the RAM that the process may use, {@code weightRam} the part of it that is left
 * for weights; see {@link RamBudget}. llama.cpp fills a KV cache with zeros when it creates it: if
 * the cache is too large, the system kills the process. So nothing is allocated before it is known
 * to fit.
 */
public final class MemoryFit {
    /** llama.cpp's default micro-batch. */
    static final int USUAL_BATCH = 512;

    /** The micro-batch if each pass over the weights reads from disk. */
    static final int LARGE_BATCH = 2048;

    /** Compute buffers of a batch may take this fraction of the RAM for weights. */
    private static final int BUFFER_SHARE = 16;

    private static final int LEAST_BATCH = 32;

    /**
     * A model fits if there is also room for this fraction of its size, for the KV cache of a
     * future session. A model that only just fits is kept in full as long as it fits.
     */
    private static final int HEADROOM = 50;

    /** The fraction of RAM that an automatic context takes if RAM can't hold all weights anyway. */
    private static final int CONTEXT_SHARE = 8;

    /** The largest automatic context, in tokens, that may take more than that. */
    private static final int MODEST_CONTEXT = 4096;

    /** Layers that predict further tokens are used unasked if they take less than this fraction. */
    private static final int MTP_SHARE = 4;

    /** Compute buffers take about this fraction of the size of the weights. */
    private static final int COMPUTE_BUFFERS = 50;

    private final Path path;
    private final ModelLoader.Loaded loaded;
    private final int trainedContextSize;
    private final long ownBytes;
    private final boolean drafts;

    /**
     * Rules for the sessions of a model.
     *
     * @param ownBytes bytes of memory that hold weights and can be given back
     * @param drafts whether the layers that predict further tokens (MTP) have a memory, too
     */
    public MemoryFit(
            Path path,
            ModelLoader.Loaded loaded,
            int trainedContextSize,
            long ownBytes,
            boolean drafts) {
        this.drafts = drafts;
        this.ownBytes = ownBytes;
        this.path = path;
        this.loaded = loaded;
        this.trainedContextSize = trainedContextSize;
    }

    /** Whether weights have to be read from disk in each pass. */
    static boolean streams(long weights, long weightRam) {
        return weights + weights / HEADROOM > weightRam;
    }

    /**
     * Bytes that an automatic context may take: as much as all weights leave, or if they would not
     * fit anyway, an eighth of the RAM.
     */
    public static long contextRoom(long weights, long weightRam) {
        return Math.max(weightRam - weights, weightRam / CONTEXT_SHARE);
    }

    /** The micro-batch that a session begins with if its options don't set it. */
    public static int microBatch(SessionOptions options, boolean streams) {
        return Math.min(options.batchSize(), streams ? LARGE_BATCH : USUAL_BATCH);
    }

    /**
     * How many tokens a pass should compute, given the bytes of buffers for a number of tokens: as
     * many as possible, because a pass reads the same for one token as for a thousand.
     */
    public static int affordableBatch(long weightRam, int tokens, long bytes) {
        long affordable = weightRam / BUFFER_SHARE;
        int batch = tokens;
        while (batch > LEAST_BATCH && bytes / tokens * batch > affordable) {
            batch /= 2;
        }
        return batch;
    }

    /** A quick upper estimate of the bytes that a session takes. */
    private double bound(SessionOptions options) {
        double elements = loaded.kvElements() * options.contextSize();
        return elements
                        * (options.keyType().bytesPerElement()
                                + options.valueType().bytesPerElement())
                + (double) loaded.weights().loadedSize() / COMPUTE_BUFFERS;
    }

    /** Whether a session fits beside all weights. */
    public boolean fitsBesideAll(SessionOptions options) {
        long room = loaded.budget().weightRam(-ownBytes) - loaded.weights().loadedSize();
        if (bound(options) <= room) {
            return true;
        }
        try (ModelDryRun model = dry()) {
            return model.memory(batched(options)).total() <= room;
        }
    }

    /**
     * The options with a definite context size.
     *
     * @throws SessionException if there is no room for it; the message says how large a context
     *     fits
     */
    public SessionOptions resolve(SessionOptions options) {
        SessionOptions trained =
                options.contextSize() > 0 ? options : options.withContextSize(trainedContextSize);
        requireContextSize(path, trained);
        long weightRam = loaded.budget().weightRam(-ownBytes);
        long room = weightRam - loaded.residentLeast();
        boolean auto = options.contextSize() == SessionOptions.AUTO_CONTEXT;
        long beside = contextRoom(loaded.weights().loadedSize(), weightRam);
        if (bound(trained) <= (auto ? Math.min(beside, room) : room)) {
            return trained;
        }
        try (ModelDryRun model = dry()) {
            if (auto) {
                int largest = model.largestContext(batched(trained), beside);
                // The buffers alone may take more than that share of a small RAM.
                int context =
                        largest > 0
                                ? largest
                                : Math.min(
                                        MODEST_CONTEXT,
                                        model.largestContext(batched(trained), room));
                return trained.withContextSize(require(context, weightRam));
            }
            ContextMemory memory = model.memory(batched(trained));
            if (memory.total() <= room) {
                return trained;
            }
            int largest = model.largestContext(batched(trained), room);
            throw new SessionException(
                    String.format(
                            Locale.ROOT,
                            "%s: a context of %d tokens takes %.2f GB, but only %.2f GB of RAM are left beside the least for weights: %s; %s",
                            path,
                            trained.contextSize(),
                            memory.total() / 1e9,
                            Math.max(0, room) / 1e9,
                            largest == 0
                                    ? "there is no room for any context"
                                    : String.format(
                                            Locale.ROOT,
                                            "the largest that fits is %d, or more with a smaller KV type",
                                            largest),
                            loaded.budget().explanation(memory.total() - room)),
                    List.of());
        }
    }

    /** The size that a model was trained with may be unknown. */
    public static void requireContextSize(Path path, SessionOptions options) {
        if (options.contextSize() == 0) {
            throw new SessionException(
                    path + ": the model's context_length is 0; choose a context size", List.of());
        }
    }

    /**
     * The micro-batch for a context whose weights pass through memory: the largest that is
     * affordable. It must be known before the context is created, if another program than ours
     * creates it or its KV cache grows with the micro-batch.
     *
     * @param options with a definite context size
     * @param weightRam the RAM for weights beside a number of bytes
     */
    public int streamingBatch(SessionOptions options, LongUnaryOperator weightRam) {
        try (ModelDryRun model = dry()) {
            return streamingBatch(model, options, weightRam);
        }
    }

    /** The same, of a forecast. */
    public static int streamingBatch(
            ModelDryRun model, SessionOptions options, LongUnaryOperator weightRam) {
        int most = microBatch(options, true);
        int least = Math.min(most, LEAST_BATCH);
        ContextMemory large = model.memory(options.withBatchSizes(most, most));
        ContextMemory small = model.memory(options.withBatchSizes(least, least));
        // A sliding window has as many more cells as a micro-batch has tokens.
        long cells = large.kvCache() - small.kvCache();
        return affordableBatch(
                weightRam.applyAsLong(large.total()), most, large.computeBuffers() + cells);
    }

    /**
     * Whether the memory of the layers that predict further tokens (MTP), and of what they need, is
     * small beside that of the weights.
     *
     * @param options with a definite context size
     */
    public boolean affordsMtp(SessionOptions options) {
        ModelOptions file = loaded.options();
        try (ModelDryRun with = new ModelDryRun(path, file.withMtp(true));
                ModelDryRun without = new ModelDryRun(path, file.withMtp(false))) {
            SessionOptions batched = batched(options);
            long more = with.memory(batched).total() - without.memory(batched).total();
            long layers = loaded.weights().size(Weight.Use.DRAFTS);
            return more + layers <= loaded.budget().weightRam(-ownBytes) / MTP_SHARE;
        }
    }

    private int require(int context, long weightRam) {
        if (context == 0) {
            throw new SessionException(
                    String.format(
                            Locale.ROOT,
                            "%s: there is no room for any context in %.2f GB of RAM for it and the weights",
                            path,
                            Math.max(0, weightRam) / 1e9),
                    List.of());
        }
        return context;
    }

    /** The options with the usual micro-batch; a larger one is taken only if there is room. */
    private static SessionOptions batched(SessionOptions options) {
        int batch = options.batchSize();
        return options.microBatchSize() == SessionOptions.AUTO_MICRO_BATCH
                ? options.withBatchSizes(batch, microBatch(options, false))
                : options;
    }

    private ModelDryRun dry() {
        return new ModelDryRun(path, loaded.options().withMtp(drafts));
    }
}
