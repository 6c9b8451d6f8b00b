package io.github.bigllama.langchain4j;

import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.common.AbstractEmbeddingModelIT;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import io.github.bigllama.core.option.EmbeddingOptions;
import java.util.List;

/** LangChain4j's own tests of an embedding model. */
class BigllamaEmbeddingModelTest extends AbstractEmbeddingModelIT {
    private static final EmbeddingOptions OPTIONS = EmbeddingOptions.defaults().withThreads(2);

    @Override
    protected List<EmbeddingModel> models() {
        return List.of(new BigllamaEmbeddingModel(Demo.MODEL, OPTIONS));
    }

    @Override
    protected EmbeddingModel modelWith(EmbeddingModelListener listener) {
        return new BigllamaEmbeddingModel(Demo.MODEL, OPTIONS, List.of(listener));
    }

    /** No text fits. */
    @Override
    protected EmbeddingModel failingModelWith(EmbeddingModelListener listener) {
        return new BigllamaEmbeddingModel(Demo.MODEL, OPTIONS.withBatchSize(1), List.of(listener));
    }

    @Override
    protected boolean supportsInputTypeParameter() {
        return false;
    }

    @Override
    protected boolean supportsDimensionsParameter() {
        return false;
    }

    @Override
    protected boolean supportsImageInput() {
        return false;
    }

    @Override
    protected boolean supportsInterleavedInput() {
        return false;
    }
}
