package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.testing.DemoModel;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Text of one kind of character, on which std::regex would end the process. */
class LongRunsTest {
    private static final List<String> RUNS =
            List.of("A", "a", "Ab", "=", "{", "日", "の", "\u0301", "1", " ", "\n", "a ", "\t= ");

    /** Tokens of the text itself, where the demo model's vocabulary has byte tokens. */
    private static final Set<String> WITHOUT_BYTES =
            Set.of("gemma4", "granite-embed-multi-311m", "sarvam-moe");

    private static LlamaModel load(String pretokenizer) {
        return LlamaModel.load(
                DemoModel.PATH,
                ModelOptions.defaults()
                        .withMetadataOverrides(Map.of("tokenizer.ggml.pre", pretokenizer)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "default",
                "minicpm5",
                "llama3",
                "llama-v3",
                "llama-bpe",
                "falcon3",
                "falcon-h1",
                "pixtral",
                "midm-2.0",
                "lfm2",
                "jina-v5-nano",
                "deepseek-llm",
                "deepseek-coder",
                "deepseek-v3",
                "spark2_5",
                "youtu",
                "falcon",
                "mpt",
                "starcoder",
                "gpt-2",
                "phi-2",
                "jina-es",
                "jina-de",
                "gigachat",
                "jina-v2-es",
                "jina-v2-de",
                "a.x-4.0",
                "mellum",
                "modern-bert",
                "jais-2",
                "gemma4",
                "granite-embed-multi-311m",
                "sarvam-moe",
                "jina-v1-en",
                "jina-v2-code",
                "roberta-bpe",
                "refact",
                "command-r",
                "qwen2",
                "deepseek-r1-qwen",
                "kormo",
                "f2llmv2",
                "qwen35",
                "stablelm2",
                "olmo",
                "dbrx",
                "smaug-bpe",
                "poro-chat",
                "glm4",
                "chatglm-bpe",
                "viking",
                "jais",
                "tekken",
                "smollm",
                "codeshell",
                "bloom",
                "gpt3-finnish",
                "exaone",
                "exaone4",
                "exaone-moe",
                "chameleon",
                "minerva-7b",
                "megrez",
                "gpt-4o",
                "llama4",
                "kanana2",
                "talkie",
                "granite-embed-multi-97m",
                "tiny_aya",
                "cohere2moe",
                "superbpe",
                "trillion",
                "granite-docling",
                "bailingmoe",
                "bailingmoe2",
                "llada-moe",
                "seed-coder",
                "hunyuan",
                "hunyuan-dense",
                "hy_v4",
                "joyai-llm",
                "kimi-k2",
                "ufakzeka",
                "grok-2",
                "afmoe",
                "laguna",
                "minimax-m2",
                "solar-open",
                "mellum2"
            })
    void aPretokenizerSplitsThem(String pretokenizer) throws Exception {
        try (LlamaModel model = load(pretokenizer)) {
            FutureTask<Void> small =
                    new FutureTask<>(
                            () -> {
                                for (String run : RUNS) {
                                    String text = run.repeat(20_000);
                                    int[] tokens = model.tokenizer().encode(text, false, false);
                                    if (!WITHOUT_BYTES.contains(pretokenizer)) {
                                        assertThat(model.tokenizer().decode(tokens).equals(text))
                                                .as("%s, 20000 times", run)
                                                .isTrue();
                                    }
                                }
                                return null;
                            });
            new Thread(null, small, "small stack", 256 << 10).start();
            small.get();
        }
    }

    @Test
    void tenMegabytes() {
        try (LlamaModel model = load("llama4")) {
            assertTimeoutPreemptively(
                    Duration.ofMinutes(2),
                    () -> {
                        String text = "A".repeat(10_000_000);
                        assertThat(
                                        model.tokenizer()
                                                .decode(
                                                        model.tokenizer()
                                                                .encode(text, false, false)))
                                .isEqualTo(text);
                    });
        }
    }
}
