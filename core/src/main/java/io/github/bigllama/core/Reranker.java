package io.github.bigllama.core;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.option.RerankingOptions;
import io.github.bigllama.internal.llama.NativeOwner;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * Scores how well documents answer a query: the better, the higher. Several documents are computed
 * in one pass over the weights, so give it many at a time. Scores are those of llama.cpp's server:
 * of any size, or between 0 and 1, as the model was trained; compare only scores of the same query.
 * So is the prompt ({@code format_prompt_rerank}), except that the names of control tokens in a
 * query or a document are plain text.
 *
 * {@snippet :
 * try (LlamaModel model = LlamaModel.load(Path.of("reranker.gguf"));
 *         Reranker reranker = model.newReranker()) {
 *     List<float[]> scores = reranker.score("a question", documents);
 *     List<Integer> ranking =
 *             IntStream.range(0, documents.size())
 *                     .boxed()
 *                     .sorted(Comparator.comparing(i -> -scores.get(i)[0]))
 *                     .toList();
 * }
 * }
 *
 * <p>Thread-safe: a call waits for those before it, with all of their documents. An interrupt ends
 * the call of the interrupted thread with a {@link java.util.concurrent.CancellationException}; the
 * thread stays interrupted.
 *
 * <p>Close it before its model. Closing is idempotent; a closed reranker computes nothing: then
 * {@link #score} throws {@link IllegalStateException}. One that has become unreachable is closed
 * some time later, with a warning in the log.
 */
public final class Reranker implements AutoCloseable {
    private final LlamaModel model;
    private final RerankingOptions options;
    private final TextEncoder encoder;
    private final List<String> labels;
    private final RerankPrompt prompt;

    Reranker(LlamaModel model, RerankingOptions options) {
        this.model = model;
        this.options = options;
        labels = labels(NativeOwner.pointerOf(model));
        prompt = new RerankPrompt(model);
        encoder =
                TextEncoder.open(
                        model,
                        "reranker",
                        "a",
                        options.batchSize(),
                        options.threads(),
                        llama_h.LLAMA_POOLING_TYPE_RANK(),
                        labels.size());
    }

    private static List<String> labels(MemorySegment model) {
        return IntStream.range(0, llama_h.llama_model_n_cls_out(model))
                .mapToObj(
                        i -> {
                            MemorySegment label = llama_h.llama_model_cls_label(model, i);
                            return label.equals(MemorySegment.NULL) || label.getString(0).isEmpty()
                                    ? Integer.toString(i)
                                    : label.getString(0);
                        })
                .toList();
    }

    /** The model of this reranker. */
    public LlamaModel model() {
        return model;
    }

    /** The options that it was opened with. */
    public RerankingOptions options() {
        return options;
    }

    /**
     * The names of the scores that a document gets: usually one, sometimes several, such as "yes"
     * and "no". A score that the model has no name for has its number, from 0.
     */
    public List<String> labels() {
        return labels;
    }

    /** The most tokens of a query and a document, with those that the model wants around them. */
    public int maxTokens() {
        return encoder.maxTokens();
    }

    /**
     * The scores of a document, one for each of the {@link #labels}; the first is what documents
     * are sorted by.
     *
     * @throws PromptTooLongException as {@link #score(String, List)}
     */
    public float[] score(String query, String document) {
        return score(query, List.of(Objects.requireNonNull(document, "document"))).getFirst();
    }

    /**
     * The scores of documents, in their order, one for each of the {@link #labels}; the first is
     * what documents are sorted by.
     *
     * @throws PromptTooLongException if the query without a document has more than {@link
     *     #maxTokens} tokens; or if the query with a document has, and the options do not say that
     *     documents are cut. Nothing is computed then
     * @throws DecodeException if llama.cpp fails, or what it computed is not numbers
     */
    public List<float[]> score(String query, List<String> documents) {
        Objects.requireNonNull(query, "query");
        Objects.requireNonNull(documents, "documents");
        encoder.requireOpen();
        List<int[]> tokens = new ArrayList<>();
        for (String document : documents) {
            Objects.requireNonNull(document, "document");
            tokens.add(fitting(query, document, tokens.size()));
        }
        float[][] scores = new float[tokens.size()][];
        encoder.compute(tokens, (i, score) -> scores[i] = score.toArray(ValueLayout.JAVA_FLOAT));
        return Arrays.asList(scores);
    }

    private int[] fitting(String query, String document, int number) {
        int[] tokens = prompt.tokens(query, document);
        int most = maxTokens();
        if (tokens.length == 0) {
            throw new IllegalArgumentException(
                    "the query and document "
                            + (number + 1)
                            + " are empty, and the model adds no tokens to them");
        }
        if (tokens.length <= most) {
            return tokens;
        }
        int withoutDocument = prompt.tokens(query, "").length;
        if (withoutDocument > most) {
            throw encoder.tooLong(
                    number, "the query without any document", withoutDocument, "shorten it");
        }
        if (!options.truncate()) {
            throw encoder.tooLong(
                    number,
                    "document " + (number + 1) + " with the query",
                    tokens.length,
                    "divide it, or set RerankingOptions.withTruncate");
        }
        return truncated(query, document, most);
    }

    /** Of the document's text as much as fits, because other text may follow it. */
    private int[] truncated(String query, String document, int most) {
        int fits = 0;
        int exceeds = document.length();
        int[] longest = prompt.tokens(query, "");
        while (exceeds - fits > 1) {
            int middle = (fits + exceeds) >>> 1;
            boolean isHalf = Character.isHighSurrogate(document.charAt(middle - 1));
            int[] tokens =
                    prompt.tokens(query, document.substring(0, isHalf ? middle - 1 : middle));
            if (tokens.length <= most) {
                fits = middle;
                longest = tokens;
            } else {
                exceeds = middle;
            }
        }
        return longest;
    }

    /** Frees the context; waits for a computation under way. Idempotent. */
    @Override
    public void close() {
        encoder.close();
    }
}
