package io.github.bigllama.internal.check;

import static io.github.bigllama.testing.TestModels.assertRefused;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.testing.RawGguf;
import io.github.bigllama.testing.TestModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What single architectures need. The models are the demo model, with 4 layers of 8 heads of 32 and
 * 4 heads of keys, under other names.
 */
class ArchitectureCheckTest {
    @TempDir Path dir;

    private RawGguf model;
    private String architecture = "llama";

    @BeforeEach
    void copyTheDemoModel() throws IOException {
        model = RawGguf.copyOf(TestModels.DEMO);
    }

    @ParameterizedTest
    @CsvSource({
        "jamba, 0, 512, 'twice the embedding_length, 256'",
        "jamba, 4294967295, 512, 'twice the embedding_length, 256'",
        "granitehybrid, 7, 512, 'twice the embedding_length, 256'",
        "mamba2, 510, 512, 'a divisor of ssm.inner_size, 510'",
        "falcon-h1, 516, 512, 'a divisor of ssm.inner_size, 516'",
        "nemotron_h, 514, 512, 'a divisor of ssm.inner_size, 514'",
        "plamo2, 514, 512, 'a divisor of ssm.inner_size, 514'",
        "qwen3next, 65536, 128, '8 heads (ssm.time_step_rank) of 16 (ssm.state_size)'",
        "qwen35, 7, 128, '8 heads (ssm.time_step_rank) of 16 (ssm.state_size)'",
        "qwen35moe, 0, 128, '8 heads (ssm.time_step_rank) of 16 (ssm.state_size)'",
        "qwen4exp, 127, 128, '8 heads (ssm.time_step_rank) of 16 (ssm.state_size)'"
    })
    void theInnerSizeOfAState(String name, long wrong, long right, String wanted) {
        become(name);
        state(name.equals("plamo2") ? 0 : 4);
        set("ssm.inner_size", right);
        accepted();
        refusedWith("ssm.inner_size", wrong, wanted);
        set("ssm.inner_size", wrong);
        refused(wanted);
    }

    @Test
    void theGroupsOfAState() {
        become("mamba2");
        state(0);
        set("ssm.inner_size", 512);
        refused("ssm.group_count is 0", "1 or more");
        set("ssm.group_count", 3);
        refused("ssm.group_count is 3", "a divisor of ssm.inner_size, 512");
        set("ssm.group_count", 1);
        accepted();
        set("ssm.time_step_rank", 0);
        refused("ssm.time_step_rank is 0", "1 or more");

        become("qwen3next");
        state(3);
        set("ssm.inner_size", 128);
        refused("ssm.group_count is 3", "a divisor of ssm.time_step_rank, 8");

        become("plamo2");
        state(1);
        set("ssm.inner_size", 512);
        refused("ssm.group_count is 1", "needs 0");
    }

    /** Where no layer has a state, its sizes don't matter. */
    @Test
    void onlyAttention() {
        become("qwen3next");
        state(3);
        set("ssm.inner_size", 7);
        set("full_attention_interval", 1);
        accepted();
        set("full_attention_interval", 0);
        refused("full_attention_interval is 0", "1 or more");
        model.i32s("qwen3next.attention.recurrent_layers", List.of(0, 0, 0, 0));
        accepted();
        model.i32s("qwen3next.attention.recurrent_layers", List.of(0, 1, 0, 0));
        refused("ssm.group_count is 3");

        become("nemotron_h");
        model.u32("nemotron_h.attention.head_count_kv", 4);
        set("ssm.group_count", 0);
        accepted();
    }

    @ParameterizedTest
    @CsvSource({"rwkv7, 2", "rwkv6, 2", "arwkv7, 1", "rwkv6qwen2, 1"})
    void rwkv(String name, long shifts) {
        become(name);
        set("wkv.head_size", 64);
        set("token_shift_count", shifts);
        accepted();
        for (long wrong : new long[] {0, 3 - shifts, 2147483647L}) {
            refusedWith("token_shift_count", wrong, "llama.cpp needs " + shifts);
        }
        refusedWith("wkv.head_size", 0, "1 or more");
        for (long wrong : new long[] {7, 65536, 4294967295L}) {
            refusedWith("wkv.head_size", wrong, "a divisor of embedding_length, 256");
        }
    }

    @Test
    void shortConvolutions() {
        become("lfm2");
        model.i32s("lfm2.attention.head_count_kv", List.of(0, 4, 0, 4));
        set("shortconv.l_cache", 3);
        accepted();
        refusedWith("shortconv.l_cache", 1, "2 or more");
        refusedWith("attention.value_length", 16, "the size of a head's key, 32");
        refusedWith("attention.head_count", 4 + 12, "a head");
    }

    @Test
    void keysOfLatentAttention() {
        become("deepseek2");
        latent("attn_k_b");
        accepted();
        refusedWith("attention.key_length", 65536, "1 of 48 in layer 0");
        refusedWith("attention.head_count_kv", 2, "for 2 head_count_kv", "1 of 48 in layer 0");
        refusedWith("attention.key_length_mla", 7, "more than rope.dimension_count, 16");
        refusedWith("attention.key_length_mla", 16, "more than rope.dimension_count, 16");
        refusedWith("attention.temperature_scale", 0.5, "temperature_length is 0", "1 or more");
        refusedWith("rope.dimension_count", 48, "more than rope.dimension_count, 48");
    }

    /** Older files have one matrix for keys and values, of which each head has its own. */
    @Test
    void keysOfLatentAttentionForEachHead() {
        become("deepseek2");
        latent("attn_kv_b");
        set("attention.key_length_mla", 0);
        set("attention.value_length_mla", 0);
        set("attention.head_count_kv", 8);
        accepted();
        refusedWith("attention.head_count_kv", 4, "8 of 48 in layer 0");
        set("attention.key_length_mla", 24);
        set("attention.value_length_mla", 24);
        refused("8 of 24 in layer 0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"deepseek2", "glm4moe", "kimi-linear", "bailingmoe2", "dots1"})
    void howExpertsAreChosen(String name) {
        become(name);
        if (name.equals("deepseek2") || name.equals("kimi-linear")) {
            set("rope.dimension_count", 16);
        }
        experts(1);
        accepted();
        for (long wrong : new long[] {5, 7, 65536, 4294967295L}) {
            refusedWith("expert_gating_func", wrong, "to 4");
        }
        set("expert_gating_func", 4);
        accepted();
    }

    @Test
    void howExpertsAreChosenByDefault() {
        become("glm4moe");
        experts(0);
        accepted();
        become("dots1");
        experts(0);
        refused("expert_gating_func is 0", "1 to 4");
        model.remove("dots1.expert_gating_func");
        refused("expert_gating_func is missing", "1 to 4");
        // llama.cpp doesn't read it
        become("qwen3moe");
        experts(7);
        accepted();
    }

    @ParameterizedTest
    @ValueSource(strings = {"bailingmoe2", "glm4moe", "llada-moe", "smallthinker", "lfm2moe"})
    void noExperts(String name) {
        become(name);
        refused("expert_count is 0", "1 or more for " + name);
        experts(1);
        accepted();
        model.i32s(name + ".expert_used_count", List.of(0, 2, 2, 2));
        refused("expert_used_count is 0", "1 or more in layer 0");
    }

    @Test
    void sizesThatAreDividedByExperts() {
        become("qwen3next");
        set("full_attention_interval", 1);
        experts(1);
        model.i32s("qwen3next.expert_used_count", List.of(0, 2, 2, 2));
        refused("expert_used_count is 0", "1 or more in layer 0");
        set("expert_feed_forward_length", 64);
        accepted();

        become("nemotron_h_moe");
        experts(1);
        model.i32s("nemotron_h_moe.expert_used_count", List.of(2, 2, 0, 2));
        refused("expert_used_count is 0", "1 or more in layer 2");
        model.i32s("nemotron_h_moe.feed_forward_length", List.of(64, 64, 0, 64));
        accepted();

        become("grovemoe");
        experts(1);
        refusedWith("experts_per_group", 0, "1 to expert_count, 8");
        refusedWith("experts_per_group", 9, "1 to expert_count, 8");
    }

    @Test
    void layersThatPredictFurtherTokens() {
        become("glm4moe");
        experts(1);
        set("nextn_predict_layers", 1);
        accepted();
        refusedWith("nextn_predict_layers", 4, "less than block_count, 4");
        refusedWith("nextn_predict_layers", 4294967295L, "less than block_count, 4");
        model.tensors.removeIf(tensor -> tensor.name().equals("blk.0.attn_norm.weight"));
        refused("no tensor blk.0.attn_norm.weight", "give the file of the whole model");
        set("nextn_predict_layers", 0);
        accepted();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 3, 65536})
    void theHeadsOfGptOss(long wrong) {
        become("gpt-oss");
        accepted();
        refusedWith("attention.value_length", wrong, "the size of a head's key, 32");
        refusedWith("attention.key_length", wrong, "the size of a head");
    }

    @Test
    void positionsOfGranite() {
        become("granitehybrid");
        state(4);
        set("ssm.inner_size", 512);
        accepted();
        refusedWith("rope.dimension_count", 0, "an even number above 0");
        refusedWith("rope.dimension_count", 2147483647, "at most the size of a head, 32");
        model.put("granitehybrid.rope.scaling.finetuned", new GgufValue.Bool(false));
        set("rope.dimension_count", 0);
        accepted();
    }

    /** MiniMax M2 and Nemotron turn only a part of each head. */
    @ParameterizedTest
    @ValueSource(strings = {"minimax-m2", "nemotron", "qwen3next"})
    void positionsInAPartOfEachHead(String name) {
        become(name);
        set("expert_gating_func", 2);
        set("full_attention_interval", 1);
        set("rope.dimension_count", 16);
        accepted();
        refusedWith("attention.value_length", 16, "the size of a head's key, 32");
    }

    @Test
    void numbersOfOneArchitecture() {
        become("ernie4_5-moe");
        refused("interleave_moe_layer_step is 0", "1 or more");
        become("minimax-m3");
        refusedWith("attention.indexer.block_size", 0, "1 or more");
        become("nanbeige");
        refusedWith("num_loops", 0, "1 or more");
        refusedWith("num_loops", 1073741825, "at most 512 layers in all");
        become("hrm_text");
        set("hrm.layers_per_stack", 1);
        set("hrm.h_cycles", 2);
        set("hrm.l_cycles", 1);
        accepted();
        refusedWith("hrm.l_cycles", 2, "block_count is 4", "hrm.l_cycles + 1, 6");
        refusedWith("hrm.h_cycles", 0, "1 or more");
        become("bailingmoe3");
        set("rope.dimension_count", 16);
        model.f32("bailingmoe3.kda.gate_lower_bound", 0);
        refused("kda.gate_lower_bound is 0.0", "less than 0");
        become("gemma-embedding");
        set("rope.dimension_count", 32);
        refusedWith("dense_2_feat_in", 7, "the embedding_length, 256");
    }

    /** Sizes of layers of both sorts, with 8 heads of values of 16. */
    private void state(long groups) {
        model.i32s(architecture + ".attention.head_count_kv", List.of(0, 4, 0, 4));
        set("ssm.state_size", 16);
        set("ssm.time_step_rank", 8);
        set("ssm.group_count", groups);
    }

    /** 8 heads of 32, of which 16 turn, from a vector of 32. */
    private void latent(String matrix) {
        model.tensor("blk.0." + matrix + ".weight", GgmlType.F32, 32L, 32L);
        set("attention.head_count_kv", 1);
        set("attention.key_length", 48);
        set("attention.value_length", 32);
        set("attention.key_length_mla", 32);
        set("attention.value_length_mla", 32);
        set("attention.kv_lora_rank", 32);
        set("rope.dimension_count", 16);
    }

    private void experts(long gating) {
        set("expert_count", 8);
        set("expert_used_count", 2);
        set("expert_gating_func", gating);
    }

    private void set(String name, long value) {
        model.u32(architecture + "." + name, value);
    }

    /** The same sizes for another architecture. */
    private void become(String name) {
        architecture = name;
        for (RawGguf.Pair pair : List.copyOf(model.pairs)) {
            String key = pair.key().replaceFirst("^llama[.]", name + ".");
            model.raw(key, pair.type(), pair.value());
        }
        model.text("general.architecture", name);
    }

    private void check(Map<String, ?> overrides) throws IOException {
        ModelCheck.check(ModelFiles.read(model.write(dir.resolve("model.gguf"))), overrides);
    }

    private void refused(String... parts) {
        assertRefused(Problem.UNUSABLE, () -> check(Map.of()), parts);
    }

    private void refusedWith(String name, Number value, String... parts) {
        assertRefused(
                Problem.UNUSABLE, () -> check(Map.of(architecture + "." + name, value)), parts);
    }

    private void accepted() {
        assertThatCode(() -> check(Map.of())).doesNotThrowAnyException();
    }

    /** Loaders check the shapes of the first layer only. */
    @Test
    void keysOfEachLayer() {
        for (List<Integer> wrong :
                List.of(List.of(4, 4, 2, 4), List.of(4, 8, 4, 4), List.of(4, 4, 4, 0))) {
            model.i32s("llama.attention.head_count_kv", wrong);
            refused("llama.attention.head_count_kv is", "4 in layer ", ".attn_k.weight has");
        }
        model.i32s("llama.attention.head_count_kv", List.of(4, 4, 4, 4));
        accepted();
    }

    @Test
    void theSizeOfAVectorIsBlamedItself() {
        refusedWith("embedding_length", 0, "the size of a vector");
        model.text("llama.embedding_length", "256");
        refused("llama.embedding_length is missing, 0 or no u32");
        model.remove("llama.embedding_length");
        refused("llama.embedding_length is missing, 0 or no u32");
    }

    @Test
    void rotations() {
        for (float wrong : new float[] {0, -1, Float.NaN, Float.POSITIVE_INFINITY}) {
            model.f32("llama.rope.freq_base", wrong);
            refused("llama.rope.freq_base is", "a number above 0");
        }
        model.f32("llama.rope.freq_base", 10_000);
        accepted();
        model.f32("llama.rope.scaling.factor", Float.NaN);
        refused("llama.rope.scaling.factor is", "0 or a number above it");
        model.f32("llama.rope.scaling.factor", 0);
        accepted();
    }
}
