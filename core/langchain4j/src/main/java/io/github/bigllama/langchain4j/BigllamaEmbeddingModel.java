package io.github.bigllama.langchain4j;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.DimensionAwareEmbeddingModel;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import dev.langchain4j.model.embedding.request.EmbeddingInput;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.embedding.response.EmbeddingResponse;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import io.github.bigllama.core.Embedder;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.option.EmbeddingOptions;
import java.util.List;
import java.util.Objects;

/**
 * Turns texts into vectors, several in a pass over the weights. Thread-safe: calls take turns.
 * Close it before its model.
 */
public final class BigllamaEmbeddingModel extends DimensionAwareEmbeddingModel
        implements AutoCloseable {
    private final LlamaModel model;
    private final Embedder embedder;
    private final EmbeddingOptions options;
    private final List<EmbeddingModelListener> listeners;

    /**
     * An embedding model.
     *
     * @param model stays the caller's
     * @throws io.github.bigllama.core.exception.SessionException if it can't turn texts into
     *     vectors, or there is too little RAM
     */
    public BigllamaEmbeddingModel(LlamaModel model, EmbeddingOptions options) {
        this(model, options, List.of());
    }

    /** As the other constructor, with listeners. */
    public BigllamaEmbeddingModel(
            LlamaModel model, EmbeddingOptions options, List<EmbeddingModelListener> listeners) {
        this.model = Objects.requireNonNull(model, "model");
        this.options = Objects.requireNonNull(options, "options");
        this.listeners = List.copyOf(listeners);
        this.embedder = model.newEmbedder(options);
    }

    @Override
    public EmbeddingResponse doEmbed(EmbeddingRequest request) {
        List<String> texts = request.inputs().stream().map(EmbeddingInput::text).toList();
        List<Embedding> vectors = embedder.embed(texts).stream().map(Embedding::from).toList();
        int tokens =
                texts.stream()
                        .mapToInt(
                                text ->
                                        Math.min(
                                                model.tokenizer()
                                                        .encode(
                                                                options.prefix() + text,
                                                                true,
                                                                false)
                                                        .length,
                                                embedder.maxTokens()))
                        .sum();
        return EmbeddingResponse.builder()
                .embeddings(vectors)
                .modelName(modelName())
                .tokenUsage(new TokenUsage(tokens))
                .build();
    }

    @Override
    public Response<List<Embedding>> embedAll(List<TextSegment> segments) {
        EmbeddingResponse response =
                embed(
                        EmbeddingRequest.builder()
                                .inputs(
                                        segments.stream()
                                                .map(segment -> EmbeddingInput.from(segment.text()))
                                                .toList())
                                .build());
        return Response.from(response.embeddings(), response.tokenUsage());
    }

    @Override
    public String modelName() {
        return model.path().getFileName().toString();
    }

    @Override
    protected Integer knownDimension() {
        return embedder.embeddingSize();
    }

    @Override
    public List<EmbeddingModelListener> listeners() {
        return listeners;
    }

    /** Closes the embedder. */
    @Override
    public void close() {
        embedder.close();
    }
}
