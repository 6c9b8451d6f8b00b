package io.github.bigllama.core.option;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.bigllama.bindings.llama.llama_context_params;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.bindings.llama.llama_model_params;
import io.github.bigllama.core.LlamaRuntime;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class OptionsTest {
    @BeforeAll
    static void loadLlama() {
        LlamaRuntime.load();
    }

    @ParameterizedTest
    @EnumSource
    void aLoadModeIsTheOneThatLlamaNamesSo(LoadMode mode) {
        String name = mode == LoadMode.DIRECT_IO ? "dio" : mode.toString();
        assertThat(llama_h.llama_load_mode_name(mode.value()).getString(0)).isEqualTo(name);
    }

    @ParameterizedTest
    @EnumSource
    void aKvTypeIsTheOneThatGgmlNamesSo(KvType type) {
        assertThat(llama_h.ggml_type_name(type.value()).getString(0))
                .isEqualToIgnoringCase(type.name());
    }

    @ParameterizedTest
    @EnumSource
    void flashAttentionIsTheOneThatLlamaNamesSo(FlashAttention value) {
        assertThat(llama_h.llama_flash_attn_type_name(value.value()).getString(0))
                .isEqualToIgnoringCase(value.name());
    }

    @Test
    void theDefaultsAreLlamas() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment model = llama_h.llama_model_default_params(arena);
            ModelOptions options = ModelOptions.defaults();
            assertThat(llama_model_params.load_mode(model)).isEqualTo(options.loadMode().value());
            assertThat(llama_model_params.use_extra_bufts(model)).isEqualTo(options.repack());
            assertThat(llama_model_params.n_gpu_layers(model)).isEqualTo(options.gpuLayers());
            assertThat(llama_model_params.check_tensors(model)).isEqualTo(options.checkTensors());

            MemorySegment context = llama_h.llama_context_default_params(arena);
            SessionOptions session = SessionOptions.defaults();
            assertThat(llama_context_params.n_batch(context)).isEqualTo(session.batchSize());
            assertThat(session.microBatchSize()).isEqualTo(SessionOptions.AUTO_MICRO_BATCH);
            assertThat(llama_context_params.n_ubatch(context)).isEqualTo(512);
            assertThat(llama_context_params.n_seq_max(context)).isEqualTo(session.sequences());
            assertThat(llama_context_params.type_k(context)).isEqualTo(session.keyType().value());
            assertThat(llama_context_params.type_v(context)).isEqualTo(session.valueType().value());
            assertThat(llama_context_params.flash_attn_type(context))
                    .isEqualTo(session.flashAttention().value());
            assertThat(llama_context_params.embeddings(context)).isEqualTo(session.embeddings());
        }
        assertThat(SamplingOptions.RANDOM_SEED).isEqualTo(llama_h.LLAMA_DEFAULT_SEED());
        assertThat((long) SessionOptions.MAX_SEQUENCES)
                .isEqualTo(llama_h.llama_max_parallel_sequences());
        assertThat(SessionOptions.MAX_THREADS).isEqualTo(llama_h.GGML_MAX_N_THREADS());
    }

    @Test
    void aWitherChangesOneThing() {
        SessionOptions options = SessionOptions.defaults().withContextSize(100).withSequences(2);
        assertThat(options.contextSize()).isEqualTo(100);
        assertThat(options.sequences()).isEqualTo(2);
        assertThat(options.batchSize()).isEqualTo(SessionOptions.defaults().batchSize());
        SamplingOptions sampling =
                SamplingOptions.defaults()
                        .withTopK(1)
                        .withTopP(.2f)
                        .withMinP(.3f)
                        .withTypicalP(.4f)
                        .withTemperature(.5f)
                        .withSeed(6);
        assertThat(sampling)
                .isEqualTo(
                        new SamplingOptions(
                                .5f,
                                1,
                                .2f,
                                .3f,
                                .4f,
                                SamplingOptions.Penalties.OFF,
                                SamplingOptions.Dry.OFF,
                                SamplingOptions.Xtc.OFF,
                                SamplingOptions.Mirostat.OFF,
                                6,
                                Map.of(),
                                List.of(),
                                Optional.empty()));
    }

    @Test
    void whatIsOutOfRangeSaysItsNameItsValueAndTheRange() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SessionOptions.defaults().withContextSize(-2))
                .withMessage("contextSize is -2, must be -1 to 2147483647");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SessionOptions.defaults().withBatchSizes(8, 9))
                .withMessage("microBatchSize is 9, must be 0 to 8");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SamplingOptions.defaults().withTopP(Float.NaN))
                .withMessage("topP is NaN, must be 0.0 to 1.0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SamplingOptions.defaults().withLogitBias(Map.of(1, Float.NaN)))
                .withMessageContaining("token 1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SamplingOptions.defaults().withLogitBias(Map.of(1, 1.1e6f)))
                .withMessage(
                        "logit bias of token 1 is 1100000.0, must be a number of at most 1000000.0, or negative infinity");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ModelOptions.defaults().withGpuLayers(-2))
                .withMessageContaining("-2");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> GenerationOptions.defaults().withLogprobs(-1))
                .withMessage("logprobs is -1, must be 0 or more");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> GenerationOptions.defaults().withStopStrings("a", ""));
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () ->
                                ModelOptions.defaults()
                                        .withMetadataOverrides(Map.of("k", "v".repeat(128))))
                .withMessageContaining("128 bytes");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> ModelOptions.defaults().withMetadataOverrides(Map.of("k", List.of())))
                .withMessageContaining("must be an integer");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ModelOptions.defaults().withRam(1000))
                .withMessage("ram is 1000 bytes, must be 1048576 (1MiB) or more");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> ModelOptions.defaults().withRam(1 << 30).withLoadMode(LoadMode.MLOCK))
                .withMessageContaining("mlock");
    }
}
