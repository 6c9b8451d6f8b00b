package io.github.bigllama.core;

import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.option.EmbeddingOptions;
import io.github.bigllama.core.option.Pooling;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Turns texts into vectors that are close to each other if the texts mean the same. Several texts
 * are computed in one pass over the weights, so give it many at a time. The names of control tokens
 * in a text are plain text, unlike in llama-embedding.
 *
 * {@snippet :
 * try (LlamaModel model = LlamaModel.load(Path.of("all-MiniLM-L6-v2.gguf"));
 *         Embedder embedder = model.newEmbedder()) {
 *     List<float[]> vectors = embedder.embed(List.of("a text", "another text"));
 * }
 * }
 *
 * <p>Thread-safe: a call waits for those before it, with all of their texts. An interrupt ends the
 * call of the interrupted thread with a {@link java.util.concurrent.CancellationException}; the
 * thread stays interrupted.
 *
 * <p>A vector also depends slightly on the other texts of its pass: by about as much as quantized
 * matrices round (some 10<sup>−3</sup> of its length with Q8_0; with F16 nothing changes but the
 * order of additions).
 *
 * <p>Close it before its model. Closing is idempotent; a closed embedder computes nothing: then
 * {@link #embed} throws {@link IllegalStateException}. One that has become unreachable is closed
 * some time later, with a warning in the log.
 */
public final class Embedder implements AutoCloseable {
    private final LlamaModel model;
    private final EmbeddingOptions options;
    private final TextEncoder encoder;

    Embedder(LlamaModel model, EmbeddingOptions options) {
        this.model = model;
        this.options = options;
        this.encoder =
                TextEncoder.open(
                        model,
                        "embedder",
                        "an",
                        options.batchSize(),
                        options.threads(),
                        pooling(model, options.pooling()).value(),
                        model.embeddingSize());
    }

    /** The model's own pooling, or the mean if it has none. */
    private static Pooling pooling(LlamaModel model, Pooling wanted) {
        return wanted == Pooling.MODEL && !model.pools() ? Pooling.MEAN : wanted;
    }

    /** The model of this embedder. */
    public LlamaModel model() {
        return model;
    }

    /** The options that it was opened with. */
    public EmbeddingOptions options() {
        return options;
    }

    /** Length of a vector, in floats. */
    public int embeddingSize() {
        return model.embeddingSize();
    }

    /** The most tokens of a text, with the prefix and the tokens that the model wants around it. */
    public int maxTokens() {
        return encoder.maxTokens();
    }

    /**
     * The vector of a text.
     *
     * @throws PromptTooLongException if it has more than {@link #maxTokens} tokens, unless the
     *     options say that it is cut
     * @throws DecodeException if llama.cpp fails, or what it computed is not numbers
     */
    public float[] embed(String text) {
        return embed(List.of(Objects.requireNonNull(text, "text"))).getFirst();
    }

    /**
     * The vectors of texts, in their order.
     *
     * @throws PromptTooLongException if one has more than {@link #maxTokens} tokens, unless the
     *     options say that they are cut; then nothing is computed
     * @throws DecodeException if llama.cpp fails, or what it computed is not numbers
     */
    public List<float[]> embed(List<String> texts) {
        float[][] vectors = new float[Objects.requireNonNull(texts, "texts").size()][];
        embed(texts, (text, vector) -> vectors[text] = vector.toArray(ValueLayout.JAVA_FLOAT));
        return Arrays.asList(vectors);
    }

    /** Takes vectors as they are computed. */
    @FunctionalInterface
    public interface VectorConsumer {
        /**
         * Takes a vector.
         *
         * @param text the number of the text, from 0
         * @param vector floats in llama.cpp's own memory, which this thread may read until this
         *     method returns
         */
        void accept(int text, MemorySegment vector);
    }

    /**
     * Computes the vectors of texts, and gives each to a consumer as soon as its pass has ended, in
     * the order of the texts. What the consumer throws ends the call; later texts are not computed.
     *
     * @throws PromptTooLongException as {@link #embed(List)}
     * @throws DecodeException as {@link #embed(List)}
     * @throws IllegalStateException if a consumer calls this
     */
    public void embed(List<String> texts, VectorConsumer consumer) {
        Objects.requireNonNull(texts, "texts");
        Objects.requireNonNull(consumer, "consumer");
        if (encoder.isComputedByThisThread()) {
            throw new IllegalStateException(
                    "a consumer of vectors can't compute others with the same embedder: they would "
                            + "take the place of those that it is given");
        }
        encoder.requireOpen();
        List<int[]> tokens = new ArrayList<>();
        for (String text : texts) {
            tokens.add(tokens(text, tokens.size()));
        }
        encoder.compute(tokens, (text, vector) -> give(consumer, text, finished(vector)));
    }

    /** A consumer that keeps its vector must not read what takes its place. */
    @SuppressWarnings("restricted") // the segment is no larger
    private static void give(VectorConsumer consumer, int text, MemorySegment vector) {
        try (Arena call = Arena.ofConfined()) {
            consumer.accept(text, vector.reinterpret(call, null));
        }
    }

    private int[] tokens(String text, int number) {
        Objects.requireNonNull(text, "text");
        int[] tokens = model.tokenizer().encode(options.prefix() + text, true, false);
        int most = maxTokens();
        if (tokens.length == 0) {
            throw new IllegalArgumentException(
                    "text " + (number + 1) + " is empty, and the model adds no tokens to it");
        }
        if (tokens.length <= most) {
            return tokens;
        }
        if (!options.truncate()) {
            throw encoder.tooLong(
                    number,
                    "text " + (number + 1),
                    tokens.length,
                    "divide it, or set EmbeddingOptions.withTruncate");
        }
        return truncated(tokens, most);
    }

    /** The tokens without those before the end, which the model wants there. */
    private int[] truncated(int[] tokens, int most) {
        int[] around = model.tokenizer().encode("", true, false);
        int last = tokens[tokens.length - 1];
        int[] cut = Arrays.copyOf(tokens, most);
        if (around.length > 0 && around[around.length - 1] == last) {
            cut[most - 1] = last;
        }
        return cut;
    }

    private MemorySegment finished(MemorySegment vector) {
        if (options.normalize()) {
            normalize(vector);
        }
        return vector.asReadOnly();
    }

    private static void normalize(MemorySegment vector) {
        float[] elements = vector.toArray(ValueLayout.JAVA_FLOAT);
        double squares = 0;
        for (float element : elements) {
            squares += (double) element * element;
        }
        double factor = squares > 0 ? 1 / Math.sqrt(squares) : 0;
        for (int i = 0; i < elements.length; i++) {
            elements[i] = (float) (elements[i] * factor);
        }
        vector.copyFrom(MemorySegment.ofArray(elements));
    }

    /**
     * Frees the context; waits for a computation under way. Idempotent.
     *
     * @throws IllegalStateException if a consumer of vectors calls this
     */
    @Override
    public void close() {
        encoder.close();
    }
}
