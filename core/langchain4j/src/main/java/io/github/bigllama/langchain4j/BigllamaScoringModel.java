package io.github.bigllama.langchain4j;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.scoring.ScoringModel;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.Reranker;
import io.github.bigllama.core.option.RerankingOptions;
import java.util.List;
import java.util.Objects;

/**
 * Scores how well texts answer a query, several in a pass over the weights. If the model gives a
 * text several scores, this is the first. Thread-safe: calls take turns. Close it before its model.
 */
public final class BigllamaScoringModel implements ScoringModel, AutoCloseable {
    private final Reranker reranker;

    /**
     * A scoring model.
     *
     * @param model stays the caller's
     * @throws io.github.bigllama.core.exception.SessionException if it can't score documents, or
     *     there is too little RAM
     */
    public BigllamaScoringModel(LlamaModel model, RerankingOptions options) {
        this.reranker = Objects.requireNonNull(model, "model").newReranker(options);
    }

    @Override
    public Response<List<Double>> scoreAll(List<TextSegment> segments, String query) {
        List<String> documents = segments.stream().map(TextSegment::text).toList();
        return Response.from(
                reranker.score(query, documents).stream().map(score -> (double) score[0]).toList());
    }

    /** Closes the reranker. */
    @Override
    public void close() {
        reranker.close();
    }
}
