package io.github.bigllama.core;

import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.option.EmbeddingOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.internal.engine.Encoder;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Cleaner;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What {@link Embedder} and {@link Reranker} have in common: texts that are computed several in a
 * pass, by threads that take turns. It must be closed before its model; one that has become
 * unreachable is closed some time later, with a warning in the log.
 */
final class TextEncoder implements AutoCloseable {
    /**
     * Most texts of a pass; llama.cpp wants a micro-batch to have a token for each, however small.
     */
    private static final int MOST_TEXTS = 32;

    private final LlamaModel model;
    private final String noun;
    private final Encoder encoder;

    /** The most tokens of a pass, as the options say. */
    private final int most;

    private final Cleaner.Cleanable cleanable;
    private final ReentrantLock turn = new ReentrantLock(true);
    private volatile boolean isClosed;

    private TextEncoder(
            LlamaModel model,
            String noun,
            String article,
            Encoder encoder,
            int most,
            ModelAdapters.Use use) {
        this.model = model;
        this.most = most;
        this.noun = noun;
        this.encoder = encoder;
        this.cleanable =
                new Lifetime(
                                model,
                                article + " " + noun,
                                () -> {
                                    encoder.close();
                                    model.loadedAdapters().release(use);
                                })
                        .of(this);
    }

    /**
     * Opens an encoder.
     *
     * @param noun what it is, in messages
     * @param article of the noun
     * @param batchSize as in {@link EmbeddingOptions}
     * @param pooling of {@code enum llama_pooling_type}
     * @param values how many numbers a text gets
     * @throws io.github.bigllama.core.exception.SessionException if there is not enough RAM, or
     *     llama.cpp can't create the context
     */
    static TextEncoder open(
            LlamaModel model,
            String noun,
            String article,
            int batchSize,
            int threads,
            int pooling,
            int values) {
        boolean isAuto = batchSize == EmbeddingOptions.AUTO_BATCH;
        // llama.cpp has a model that could write texts compute the logits of each token, too.
        int largest =
                model.computesLogits()
                        ? EmbeddingOptions.MAX_AUTO_BATCH / 4
                        : EmbeddingOptions.MAX_AUTO_BATCH;
        int batch = isAuto ? Math.min(model.trainedContextSize(), largest) : batchSize;
        int texts = isAuto ? MOST_TEXTS : Math.min(MOST_TEXTS, batch);
        // A smaller micro-batch, where RAM is short, is a half of it, or a half of that.
        int whole =
                isAuto
                        ? Math.max(MOST_TEXTS, Integer.highestOneBit(2 * batch - 1))
                        : wholeTexts(batch, texts, (long) texts * model.trainedContextSize());
        SessionOptions session =
                SessionOptions.defaults()
                        .withContextSize(whole)
                        .withBatchSizes(whole, isAuto ? SessionOptions.AUTO_MICRO_BATCH : whole)
                        .withThreads(threads, threads)
                        .withSequences(texts)
                        .withEmbeddings(true)
                        .withSpeculation(Speculation.OFF);
        ModelAdapters adapters = model.loadedAdapters();
        ModelAdapters.Use use = adapters.use(adapters.defaults());
        Encoder encoder;
        try {
            encoder = model.openEncoder(noun, session, pooling, values, use);
        } catch (RuntimeException | Error e) {
            adapters.release(use);
            throw e;
        }
        try {
            return new TextEncoder(model, noun, article, encoder, batch, use);
        } catch (RuntimeException | Error e) {
            encoder.close();
            adapters.release(use);
            throw e;
        }
    }

    /**
     * llama.cpp reserves memory for texts of the same length, and asserts that they fill the
     * micro-batch.
     *
     * @param most tokens that so many texts can have
     */
    private static int wholeTexts(int batch, int texts, long most) {
        long useful = Math.min(batch, Math.max(texts, most));
        return (int) Math.min(Integer.MAX_VALUE, (useful + texts - 1) / texts * texts);
    }

    /** The most tokens of a text. */
    int maxTokens() {
        return Math.min(passTokens(), model.trainedContextSize());
    }

    /** The most tokens of a pass. */
    private int passTokens() {
        return Math.min(encoder.batchSize(), most);
    }

    /**
     * The error of a text that is too long.
     *
     * @param text its number, from 0
     * @param what the text, in the message
     * @param remedy what to do, in the message
     */
    PromptTooLongException tooLong(int text, String what, int tokens, String remedy) {
        int most = maxTokens();
        return new PromptTooLongException(
                String.format(
                        Locale.ROOT,
                        "%s has %d tokens, but %d are the most that are computed in one pass; %s%s",
                        what,
                        tokens,
                        most,
                        remedy,
                        most < model.trainedContextSize()
                                ? ", or raise the batch size (withBatchSize)"
                                : ""),
                tokens,
                most,
                text);
    }

    /** Whether the thread is in a call of {@link #compute}. */
    boolean isComputedByThisThread() {
        return turn.isHeldByCurrentThread();
    }

    /**
     * Computes the numbers of texts.
     *
     * @param texts tokens, at most {@link #maxTokens} each
     * @param numbers is given each text's as soon as its pass has ended, in the order of the texts;
     *     the segment is valid during the call, and writable
     * @throws DecodeException if llama.cpp fails, or what it computed is not numbers
     */
    void compute(List<int[]> texts, Encoder.Vectors numbers) {
        try {
            turn.lockInterruptibly();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while other texts were computed");
        }
        try {
            int from = 0;
            while (from < texts.size()) {
                requireOpen();
                int to = endOfPass(texts, from);
                int first = from;
                encoder.compute(
                        texts.subList(from, to),
                        (i, segment) -> {
                            requireNumbers(segment);
                            numbers.accept(first + i, segment);
                        });
                from = to;
            }
        } finally {
            turn.unlock();
        }
    }

    private int endOfPass(List<int[]> texts, int from) {
        int to = from;
        int sum = 0;
        while (to < texts.size() && to - from < encoder.mostTexts()) {
            sum += texts.get(to).length;
            if (sum > passTokens()) {
                break;
            }
            to++;
        }
        return to;
    }

    private void requireNumbers(MemorySegment segment) {
        double sum = 0;
        // Of an array, because access to segments is slow in programs that end soon.
        for (float number : segment.toArray(ValueLayout.JAVA_FLOAT)) {
            sum += Math.abs((double) number);
        }
        if (!Double.isFinite(sum)) {
            throw new DecodeException(
                    "what the model computed is not numbers; the weights in "
                            + model.path()
                            + " or in an adapter are damaged, or too large for their type: download or convert it again",
                    0,
                    List.of());
        }
    }

    void requireOpen() {
        if (isClosed) {
            throw new IllegalStateException(noun + " of " + model.path() + " is closed");
        }
    }

    /** Frees the context; waits for a computation under way. Idempotent. */
    @Override
    public void close() {
        if (turn.isHeldByCurrentThread()) {
            throw new IllegalStateException("a consumer of vectors can't close the " + noun);
        }
        turn.lock();
        try {
            isClosed = true;
            cleanable.clean();
        } finally {
            turn.unlock();
        }
    }
}
