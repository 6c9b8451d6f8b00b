package io.github.bigllama.core.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.quantize.Quantization;
import io.github.bigllama.core.quantize.QuantizeOptions;
import io.github.bigllama.core.quantize.Quantizer;
import io.github.bigllama.internal.engine.Logprobs;
import io.github.bigllama.testing.DemoModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Perplexity and divergence of the demo model on conversations that it was trained for. */
class PerplexityTest {
    /**
     * What {@code llama-perplexity -m bigllama-demo-Q8_0.gguf -f conversation.txt -c 128 -b 128} of
     * llama.cpp v0.5.0 prints.
     */
    private static final double LLAMA_PERPLEXITY = 6806.1529;

    private static final double LLAMA_PERPLEXITY_ERROR = 885.47504;

    private static final Path DEMO = DemoModel.PATH.getParent();
    private static final SessionOptions SESSION =
            SessionOptions.defaults().withContextSize(128).withThreads(2, 2);

    @TempDir static Path folder;

    private static LlamaModel model;
    private static LlamaModel base;
    private static String text;

    @BeforeAll
    static void load() throws IOException {
        model = LlamaModel.load(DemoModel.PATH);
        base = LlamaModel.load(DEMO.resolve("bigllama-demo-BF16.gguf"));
        text = Files.readString(DEMO.resolve("conversation.txt")).stripTrailing();
    }

    @AfterAll
    static void close() {
        model.close();
        base.close();
    }

    private static int[] tokens(boolean special) {
        return model.tokenizer().encode(text, true, special);
    }

    @Test
    void theSameAsLlamaPerplexity() {
        List<Double> progress = new ArrayList<>();
        Perplexity result = Perplexity.of(model, tokens(false), SESSION, 0, progress::add);
        assertThat(result.value()).isCloseTo(LLAMA_PERPLEXITY, within(0.005 * LLAMA_PERPLEXITY));
        assertThat(result.standardError())
                .isCloseTo(LLAMA_PERPLEXITY_ERROR, within(0.02 * LLAMA_PERPLEXITY_ERROR));
        assertThat(result.chunks()).isEqualTo(tokens(false).length / 128);
        assertThat(result.tokens()).isEqualTo(result.chunks() * 63);
        assertThat(progress).isSorted().hasSize(result.chunks() + 1).endsWith(1.0);
    }

    /** Whatever the batches, the same tokens are predicted from the same preceding tokens. */
    @Test
    void chunksLargerThanABatch() {
        int[] all = tokens(true);
        SessionOptions large = SESSION.withContextSize(600);
        Perplexity result = Perplexity.of(model, all, large, 1, fraction -> true);
        assertThat(result.tokens()).isEqualTo(299);
        double sum = 0;
        try (LlamaSession session = model.newSession(large)) {
            session.decode(Arrays.copyOf(all, 301));
            for (int i = 301; i < 600; i++) {
                float[] logits = session.logits().toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT);
                sum += Logprobs.logOfSum(logits) - logits[all[i]];
                session.decode(all[i]);
            }
        }
        assertThat(Math.log(result.value())).isCloseTo(sum / 299, within(0.002));
    }

    @Test
    void aModelDoesNotDivergeFromItself() {
        KlDivergence same =
                KlDivergence.of(model, model, tokens(true), SESSION, 3, fraction -> true);
        assertThat(same.mean()).isCloseTo(0, within(1e-9));
        assertThat(same.sameTop()).isEqualTo(1);
        assertThat(same.ratio()).isEqualTo(1);
        assertThat(same.perplexity()).isEqualTo(same.base());
    }

    @Test
    void fewerBitsDivergeMore() {
        double before = 0;
        for (Quantization type :
                List.of(Quantization.Q8_0, Quantization.Q4_K_M, Quantization.Q2_K)) {
            Path file = folder.resolve(type + ".gguf");
            Quantizer.of(base.path(), type, QuantizeOptions.defaults()).write(file);
            try (LlamaModel quantized = LlamaModel.load(file)) {
                KlDivergence result =
                        KlDivergence.of(
                                quantized, base, tokens(true), SESSION, 0, fraction -> true);
                assertThat(result.mean()).isGreaterThan(3 * before);
                assertThat(result.quantile99()).isBetween(result.mean(), result.max());
                assertThat(result.sameTop()).isBetween(0.8, 0.9999);
                before = result.mean();
            }
        }
        assertThat(before).isBetween(0.02, 0.3);
    }

    @Test
    void aTextThatIsTooShort() {
        assertThatThrownBy(
                        () ->
                                Perplexity.of(
                                        model,
                                        Arrays.copyOf(tokens(true), 200),
                                        SESSION,
                                        0,
                                        fraction -> true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "the text has 200 tokens; chunks of 128 tokens need at least 256: give a longer text, or a context of 4 to 100");
    }

    @Test
    void itCanBeCancelled() {
        assertThatThrownBy(
                        () ->
                                Perplexity.of(
                                        model,
                                        tokens(true),
                                        SESSION,
                                        0,
                                        fraction -> fraction < 0.3))
                .isInstanceOf(CancellationException.class);
        try (LlamaSession session = model.newSession(SESSION)) {
            assertThat(session.contextUsed()).isZero();
        }
    }
}
