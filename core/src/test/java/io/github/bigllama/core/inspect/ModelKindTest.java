package io.github.bigllama.core.inspect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.forecast.Forecaster;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.RawGguf;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelKindTest {
    @TempDir Path folder;

    private Path write(RawGguf gguf) throws Exception {
        Path path = folder.resolve("model.gguf");
        gguf.write(path);
        return path;
    }

    @ParameterizedTest
    @CsvSource({
        "llama, LANGUAGE_MODEL",
        "mamba, RECURRENT",
        "jamba, HYBRID",
        "qwen3next, HYBRID",
        "bert, EMBEDDING",
        "nomic-bert-moe, EMBEDDING",
        "modern-bert, EMBEDDING",
        "eurobert, EMBEDDING",
        "gemma-embedding, EMBEDDING",
        "t5encoder, EMBEDDING",
        "t5, ENCODER_DECODER",
        "llada, DIFFUSION",
        "dream, DIFFUSION",
        "eagle3, DRAFT_HEAD",
        "gemma4-assistant, DRAFT_HEAD",
        "clip, PROJECTOR",
        "controlvector, CONTROL_VECTOR",
        "wavtokenizer-dec, VOCODER"
    })
    void theArchitectureTells(String architecture, ModelKind kind) throws Exception {
        Path path =
                write(
                        new RawGguf()
                                .text("general.architecture", architecture)
                                .tensor("token_embd.weight", GgmlType.F32, 64L));
        assertThat(ModelKind.of(ModelFiles.read(path))).isEqualTo(kind);
    }

    @ParameterizedTest
    @CsvSource({
        "adapter, LORA_ADAPTER",
        "mmproj, PROJECTOR",
        "imatrix, IMPORTANCE_MATRIX",
        "model, LANGUAGE_MODEL"
    })
    void theTypeTells(String type, ModelKind kind) throws Exception {
        Path path =
                write(
                        new RawGguf()
                                .text("general.architecture", "llama")
                                .text("general.type", type)
                                .tensor("token_embd.weight", GgmlType.F32, 64L));
        assertThat(ModelKind.of(ModelFiles.read(path))).isEqualTo(kind);
        if (!kind.isModel()) {
            assertThatThrownBy(() -> LlamaModel.load(path))
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining(kind.sentence());
        }
    }

    @ParameterizedTest
    @CsvSource({"1, EMBEDDING", "2, EMBEDDING", "3, EMBEDDING", "4, RERANKER", "0, LANGUAGE_MODEL"})
    void poolingTells(int pooling, ModelKind kind) throws Exception {
        Map<String, Object> overrides = Map.of("llama.pooling_type", pooling);
        assertThat(ModelKind.of(ModelFiles.read(DemoModel.PATH), overrides)).isEqualTo(kind);
        try (LlamaModel model =
                LlamaModel.load(
                        DemoModel.PATH, ModelOptions.defaults().withMetadataOverrides(overrides))) {
            assertThat(model.kind()).isEqualTo(kind);
            if (kind == ModelKind.LANGUAGE_MODEL) {
                model.newSession().close();
            } else {
                assertThatThrownBy(model::newSession)
                        .isInstanceOf(SessionException.class)
                        .hasMessageContaining("cannot generate with")
                        .hasMessageContaining(kind.sentence());
            }
        }
    }

    @Test
    void attentionInBothDirectionsIsRefusedBeforeNativeCode() {
        ModelOptions both =
                ModelOptions.defaults()
                        .withMetadataOverrides(Map.of("llama.attention.causal", false));
        try (LlamaModel model = LlamaModel.load(DemoModel.PATH, both)) {
            assertThatThrownBy(model::newSession)
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("is an embedding model, which turns texts into vectors");
        }
    }

    @Test
    void aVocabularyTokenizes() throws Exception {
        RawGguf demo = RawGguf.copyOf(DemoModel.PATH);
        demo.tensors.clear();
        Path path = write(demo);
        assertThat(ModelKind.of(ModelFiles.read(path))).isEqualTo(ModelKind.VOCABULARY);
        try (LlamaModel vocabulary = LlamaModel.load(path);
                LlamaModel model = LlamaModel.load(DemoModel.PATH);
                LlamaModel light =
                        LlamaModel.load(
                                DemoModel.PATH, ModelOptions.defaults().withVocabularyOnly(true))) {
            int[] expected = model.tokenizer().encode("What is the capital of France?");
            assertThat(vocabulary.tokenizer().encode("What is the capital of France?"))
                    .isEqualTo(expected);
            assertThat(light.tokenizer().encode("What is the capital of France?"))
                    .isEqualTo(expected);
            assertThatThrownBy(vocabulary::newSession)
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("is a vocabulary without weights, which only tokenizes");
            assertThatThrownBy(light::newSession)
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("was loaded without its weights");
        }
    }

    @Test
    void whatDoesNotGenerateHasNoForecast() throws Exception {
        Path path =
                write(
                        new RawGguf()
                                .text("general.architecture", "bert")
                                .tensor("token_embd.weight", GgmlType.F32, 64L));
        ModelFiles files = ModelFiles.read(path);
        assertThatThrownBy(() -> new Forecaster(files))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("is an embedding model");
    }

    /** Files of other authors, if they are available. */
    @Test
    void aRealEmbeddingModel() {
        Path path = Path.of("../../shared/real-models/all-MiniLM-L6-v2-F16.gguf").toAbsolutePath();
        assumeThat(Files.exists(path)).isTrue();
        try (LlamaModel model = LlamaModel.load(path)) {
            assertThat(model.kind()).isEqualTo(ModelKind.EMBEDDING);
            assertThatThrownBy(model::newSession)
                    .hasMessageContaining("is an embedding model, which turns texts into vectors");
        }
    }
}
