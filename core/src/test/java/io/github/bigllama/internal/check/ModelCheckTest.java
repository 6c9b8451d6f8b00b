package io.github.bigllama.internal.check;

import static io.github.bigllama.testing.TestModels.assertRefused;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufArray;
import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.testing.RawGguf;
import io.github.bigllama.testing.TestModels;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelCheckTest {
    private static final String TOKENS = "tokenizer.ggml.tokens";

    @TempDir Path dir;

    private RawGguf model;
    private List<String> tokens;

    @BeforeEach
    void copyTheDemoModel() throws IOException {
        model = RawGguf.copyOf(TestModels.DEMO);
        GgufArray array = Gguf.read(TestModels.DEMO).metadata().array(TOKENS).orElseThrow();
        tokens = new ArrayList<>(array.strings());
    }

    private void check(Map<String, ?> overrides) throws IOException {
        ModelCheck.check(ModelFiles.read(model.write(dir.resolve("model.gguf"))), overrides);
    }

    private void refused(String... parts) {
        assertRefused(Problem.UNUSABLE, () -> check(Map.of()), parts);
    }

    private void accepted() {
        assertThatCode(() -> check(Map.of())).doesNotThrowAnyException();
    }

    @Test
    void aModelForMachinesOfTheOtherByteOrder() throws IOException {
        Path file = TestModels.small(ByteOrder.BIG_ENDIAN).write(dir.resolve("big.gguf"));
        assertRefused(
                Problem.BYTE_ORDER, () -> ModelCheck.check(ModelFiles.read(file)), "big-endian");
    }

    @Test
    void theDemoModelIsFine() {
        accepted();
    }

    @ParameterizedTest
    @CsvSource({
        "block_count, 0, 1 to 512 layers",
        "block_count, 513, 1 to 512 layers",
        "nextn_predict_layers, 4, less than block_count",
        "context_length, 4294967295, less than 2^31",
        "embedding_length_out, 257, 'at most embedding_length, 256'",
        "expert_count, 1025, at most 1024",
        "expert_used_count, 2, none without expert_count",
        "expert_group_count, 2, none without expert_count",
        "attention.head_count_kv, 3, 'a divisor of head_count, 8'",
        "attention.head_count, 7, a divisor of head_count",
        "attention.value_length, 64, 'the size of a head''s key, 32'",
        "rope.dimension_count, 16, 'the size of a head, 32'",
        "pooling_type, 5, 0 to 4"
    })
    void numbers(String key, long value, String wanted) {
        model.u32("llama." + key, value);
        refused("llama.", wanted);
    }

    @Test
    void experts() {
        model.u32("llama.expert_count", 8);
        refused("expert_used_count is 0", "1 to expert_count, 8");
        model.u32("llama.expert_used_count", 9);
        refused("expert_used_count is 9", "1 to expert_count, 8");
        model.u32("llama.expert_used_count", 2).u32("llama.expert_group_count", 8);
        refused("expert_group_count is 8", "less than expert_count");
        model.u32("llama.expert_group_count", 3);
        refused("expert_group_count is 3", "a divisor");
        model.u32("llama.expert_group_count", 4);
        refused("expert_group_used_count is 0", "1 to 3");
        model.u32("llama.expert_group_used_count", 2);
        accepted();
        model.i32s("llama.expert_used_count", List.of(0, 1, 2, 8));
        accepted();
    }

    @Test
    void aHeadForEachLayer() {
        model.i32s("llama.attention.head_count_kv", List.of(4, 4, 3, 4));
        refused("head_count_kv is 3", "layer 2");
        // for another length, llama.cpp itself reports an error
        model.i32s("llama.attention.head_count_kv", List.of(3));
        accepted();
    }

    @Test
    void headsOfOtherArchitectures() {
        become("phi3");
        model.u32("phi3.rope.dimension_count", 16);
        accepted();
        model.u32("phi3.rope.dimension_count", 15);
        refused("rope.dimension_count is 15", "an even number above 0");
        model.u32("phi3.rope.dimension_count", 64);
        refused("rope.dimension_count is 64", "at most the size of a head, 32");
        model.remove("phi3.rope.dimension_count").u32("phi3.attention.head_count", 4);
        accepted();
        model.u32("phi3.attention.key_length", 32).u32("phi3.attention.value_length", 32);
        refused("head_count is 4", "8 heads of 32");
    }

    @Test
    void slidingWindows() {
        become("cohere2");
        model.u32("cohere2.attention.sliding_window", 64);
        model.u32("cohere2.attention.sliding_window_pattern", 4);
        accepted();
        model.u32("cohere2.attention.sliding_window_pattern", 1);
        refused("sliding_window_pattern is 1", "2 or more");
        model.i32s("cohere2.attention.sliding_window_pattern", List.of(0, 0, 0, 0, 1));
        refused("a layer with a window");
        model.i32s("cohere2.attention.sliding_window_pattern", List.of(0, 0, 0, 1));
        accepted();
        model.u32("cohere2.rope.dimension_count_swa", 64);
        refused("rope.dimension_count_swa is 64", "at most the size of a head, 32");
        model.remove("cohere2.rope.dimension_count_swa");
        model.u32("cohere2.attention.key_length_swa", 64);
        refused("value_length_swa is 32", "the size of a head's key, 64");
        model.remove("cohere2.attention.key_length_swa");
        model.u32("cohere2.attention.sliding_window", 1L << 31);
        refused("sliding_window is 2147483648");
    }

    @Test
    void sectionsOfRope() {
        become("qwen2vl");
        model.i32s("qwen2vl.rope.dimension_sections", List.of(8, 12, 12, 0));
        accepted();
        model.i32s("qwen2vl.rope.dimension_sections", List.of(8, 12, 13, 0));
        refused("[8, 12, 13, 0]", "at most the size of a head, 32");
        model.i32s("qwen2vl.rope.dimension_sections", List.of(8, 12, -1, 0));
        refused("at most the size of a head, 32");
        model.i32s("qwen2vl.rope.dimension_sections", List.of(0, 0, 0, 0));
        refused("one that is not 0");
    }

    @Test
    void headsThatAreDividedBy() {
        become("olmo2");
        model.u32("olmo2.attention.head_count", 0);
        refused("olmo2.attention.head_count is 0", "1 or more");
    }

    @Test
    void phi3WithoutAttention() {
        become("phi3");
        model.tensors.removeIf(tensor -> tensor.name().equals("blk.2.attn_k.weight"));
        refused("layer 2 has no blk.2.attn_qkv.weight");
    }

    @ParameterizedTest
    @CsvSource({"-1e-5", "NaN", "-Infinity"})
    void epsilons(float value) {
        model.f32("llama.attention.layer_norm_rms_epsilon", value);
        refused("layer_norm_rms_epsilon is " + (double) value, "0 or more");
    }

    @Test
    void ropeScaling() {
        model.text("llama.rope.scaling.type", "spiral");
        refused("'spiral'", "none, linear, yarn, longrope");
        model.text("llama.rope.scaling.type", "yarn");
        accepted();
    }

    @Test
    void tokensThatAreTheSame() {
        tokens.set(700, tokens.get(3));
        model.strings(TOKENS, tokens);
        refused("tokens 3 and 700", "are the same");

        tokens.set(700, tokens.get(3) + "\0x");
        model.strings(TOKENS, tokens);
        refused("tokens 3 and 700");

        tokens.set(700, "");
        tokens.set(701, "");
        model.strings(TOKENS, tokens);
        accepted();
        tokens.set(702, "[EMPTY_700]");
        model.strings(TOKENS, tokens);
        refused("tokens 700 and 702");
    }

    @Test
    void vocabulariesThatCanNotBeUsed() {
        model.text("tokenizer.ggml.model", "no_vocab");
        refused("no vocabulary");
        model.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "whitespace");
        refused("'whitespace' needs tokenizer model 'whitespace'");
    }

    @Test
    void specialTokensThatTextsNeed() {
        model.strings(TOKENS, List.of("a", "b", "c"));
        accepted();
        model.put("tokenizer.ggml.add_bos_token", new GgufValue.Bool(true));
        refused("bos_token_id is 1021", "not one of the 3 tokens");
        model.u32("tokenizer.ggml.bos_token_id", 2);
        accepted();
        model.put("tokenizer.ggml.add_eos_token", new GgufValue.Bool(true));
        refused("eos_token_id is 1023");
    }

    @Test
    void byteTokensInABertVocabulary() {
        model.text("tokenizer.ggml.model", "bert");
        accepted();
        model.i32s("tokenizer.ggml.token_type", Collections.nCopies(1024, 6));
        refused("token 0 is a byte");
    }

    @Test
    void typesOfTensors() {
        retype("blk.1.attn_q.weight", GgmlType.I32);
        refused("'blk.1.attn_q.weight' has type i32", "multiply");
        retype("blk.1.attn_q.weight", GgmlType.Q8_K);
        refused("has type q8_K");
        model.tensor("blk.1.ffn_gate_inp_shexp.weight", GgmlType.I32, 256L);
        retype("blk.1.attn_q.weight", GgmlType.Q2_0);
        refused("'blk.1.ffn_gate_inp_shexp.weight' has type i32", "multiply");
        model.tensors.removeIf(tensor -> tensor.name().contains("shexp"));
        retype("blk.1.attn_q.weight", GgmlType.Q2_0);
        accepted();
        retype("blk.3.ffn_norm.weight", GgmlType.F16);
        refused("'blk.3.ffn_norm.weight' has type f16", "needs f32");
    }

    /** What is added to activations, or multiplied with them element by element. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "token_types.weight",
                "token_embd_norm.bias",
                "blk.0.layer_output_norm.bias",
                "blk.0.exp_probs_b.bias",
                "blk.0.shortconv.conv.weight",
                "blk.0.ssm_dt.bias",
                "blk.0.ssm_norm.weight",
                "blk.0.ssm_dt_norm.weight",
                "blk.0.time_mix_ln.bias",
                "blk.0.time_mix_w0.weight",
                "blk.0.time_mix_lerp_fused.weight",
                "blk.0.time_mix_key.bias",
                "blk.0.channel_mix_lerp_k.weight",
                "blk.0.ffn_norm"
            })
    void summandsAndFactorsAreFloats(String name) {
        model.tensor(name, GgmlType.F16, 256L);
        refused("'%s' has type f16".formatted(name), "needs f32");
    }

    @Test
    void anotherTableOfIntegers() {
        model.tensor("blk.0.ffn_gate_tid2eid.weight", GgmlType.I32, 6L, 1024L);
        accepted();
    }

    @Test
    void tensorsOfNothing() {
        model.tensor("blk.0.nothing.weight", GgmlType.F32, 256L, 0L);
        refused("'blk.0.nothing.weight' has no elements: [256, 0]");
    }

    @Test
    void dataThatCannotBeMapped() {
        model.u32("general.alignment", 8).text("general.odd", "x");
        model.alignment = 8;
        while (model.bytes().length % 32 == 0) {
            model.text("general.odd", "x".repeat(model.bytes().length % 32 + 8));
        }
        refused("a multiple of 32 (general.alignment is 8)");
    }

    @Test
    void overridesCount() {
        assertThatCode(() -> check(Map.of("llama.rope.scaling.type", "yarn")))
                .doesNotThrowAnyException();
        assertRefused(
                Problem.UNUSABLE,
                () -> check(Map.of("llama.block_count", 0)),
                "llama.block_count is 0");
        assertRefused(
                Problem.UNUSABLE,
                () -> check(Map.of("llama.attention.layer_norm_rms_epsilon", -1.0)),
                "epsilon is -1.0");
        model.u32("llama.block_count", 0);
        assertThatCode(() -> check(Map.of("llama.block_count", 4L))).doesNotThrowAnyException();
        // llama.cpp ignores overrides of another type
        assertRefused(Problem.UNUSABLE, () -> check(Map.of("llama.block_count", "4")), "is 0");
    }

    /** The same sizes for another architecture. */
    private void become(String architecture) {
        for (RawGguf.Pair pair : List.copyOf(model.pairs)) {
            String key = pair.key().replaceFirst("^llama[.]", architecture + ".");
            model.raw(key, pair.type(), pair.value());
        }
        model.text("general.architecture", architecture);
    }

    private void retype(String name, GgmlType type) {
        for (int i = 0; i < model.tensors.size(); i++) {
            RawGguf.Tensor tensor = model.tensors.get(i);
            if (tensor.name().equals(name)) {
                long elements = tensor.shape().stream().reduce(1L, Math::multiplyExact);
                int size = (int) (elements / type.blockSize() * type.typeSize());
                byte[] data = Arrays.copyOf(tensor.data(), size);
                model.tensors.set(i, new RawGguf.Tensor(name, type.id(), tensor.shape(), data));
            }
        }
    }
}
