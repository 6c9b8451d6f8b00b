package io.github.bigllama.internal.check;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * Checks the sizes of an attention head. Which of them have to agree depends on the architecture:
 * each set lists those whose file in llama.cpp's src/models has the assertion, or the shape.
 */
final class HeadCheck {
    /** Architectures without rotary positions (llama_model_rope_type), which ignore their size. */
    private static final Set<String> WITHOUT_ROPE =
            Set.of(
                    "arwkv7",
                    "bert",
                    "bloom",
                    "clip",
                    "gpt2",
                    "gptj",
                    "jais",
                    "jamba",
                    "jina-bert-v2",
                    "kimi-k3",
                    "kimi-linear",
                    "mamba",
                    "mamba2",
                    "mpt",
                    "nemotron_h",
                    "nemotron_h_moe",
                    "refact",
                    "rwkv6",
                    "rwkv6qwen2",
                    "rwkv7",
                    "starcoder",
                    "t5",
                    "t5encoder",
                    "wavtokenizer-dec");

    /**
     * GGML_ASSERT(n_embd_head == hparams.n_embd_head_k()) and GGML_ASSERT(n_embd_head == n_rot), or
     * tensors of n_rot elements per head (gpt-oss).
     */
    private static final Set<String> KEY_VALUE_AND_ROPE_AGREE =
            Set.of(
                    "apertus",
                    "arcee",
                    "arctic",
                    "baichuan",
                    "chameleon",
                    "codeshell",
                    "cogvlm",
                    "cohere2moe",
                    "dbrx",
                    "deci",
                    "deepseek",
                    "dots1",
                    "dream",
                    "ernie4_5",
                    "ernie4_5-moe",
                    "exaone",
                    "exaone-moe",
                    "exaone4",
                    "falcon",
                    "gpt-oss",
                    "granite",
                    "granite_swa",
                    "granitemoe",
                    "graniteswitch",
                    "grok",
                    "grovemoe",
                    "hunyuan-moe",
                    "hunyuan_vl",
                    "hy_v3",
                    "internlm2",
                    "jais2",
                    "llada",
                    "llada-moe",
                    "llama",
                    "llama4",
                    "maincoder",
                    "mellum",
                    "minicpm",
                    "mistral3",
                    "olmo",
                    "olmo2",
                    "olmoe",
                    "orion",
                    "paddleocr",
                    "pangu-embedded",
                    "plamo",
                    "pockettts",
                    "qwen2",
                    "qwen2moe",
                    "qwen2vl",
                    "qwen3",
                    "qwen3moe",
                    "qwen3tts",
                    "qwen3vl",
                    "qwen3vlmoe",
                    "rnd1",
                    "seed_oss",
                    "smallthinker",
                    "smollm3",
                    "starcoder2",
                    "talkie",
                    "xverse");

    /** Only GGML_ASSERT(n_embd_head == hparams.n_embd_head_k()), or tensors of that shape. */
    private static final Set<String> KEY_AND_VALUE_AGREE =
            Set.of(
                    "afmoe",
                    "bailingmoe2",
                    "bert",
                    "bitnet",
                    "bloom",
                    "chatglm",
                    "cohere2",
                    "command-r",
                    "eurobert",
                    "glm4",
                    "glm4moe",
                    "gpt2",
                    "gptneox",
                    "granitehybrid",
                    "jais",
                    "jamba",
                    "laguna",
                    "lfm2",
                    "lfm2moe",
                    "maple",
                    "minimax-01",
                    "minimax-m2",
                    "minimax-m3",
                    "modern-bert",
                    "mpt",
                    "muse-glimmer",
                    "nanbeige",
                    "nemotron",
                    "nemotron_h",
                    "nemotron_h_moe",
                    "neo-bert",
                    "openelm",
                    "phi2",
                    "phi3",
                    "qwen",
                    "qwen35",
                    "qwen35moe",
                    "qwen3next",
                    "qwen4exp",
                    "refact",
                    "spark2_5",
                    "stablelm",
                    "starcoder",
                    "t5");

    /**
     * Architectures whose attn_q is square, so that the loader accepts any number of heads, and
     * then ggml_reshape_3d in build_qkv asserts that the heads fill a row.
     */
    private static final Set<String> HEADS_FILL_EMBEDDING =
            Set.of(
                    "arctic",
                    "baichuan",
                    "bitnet",
                    "chameleon",
                    "codeshell",
                    "cohere2",
                    "command-r",
                    "deepseek",
                    "dream",
                    "grok",
                    "internlm2",
                    "jamba",
                    "lfm2",
                    "lfm2moe",
                    "llada-moe",
                    "nemotron",
                    "olmo",
                    "olmoe",
                    "orion",
                    "phi2",
                    "phi3",
                    "plamo",
                    "qwen2",
                    "qwen2moe",
                    "qwen2vl",
                    "stablelm",
                    "starcoder2",
                    "xverse");

    /** LLAMA_ROPE_TYPE_MROPE and _IMROPE in llama_model_rope_type, with any sections. */
    private static final Set<String> NEEDS_SECTIONS =
            Set.of(
                    "paddleocr",
                    "qwen2vl",
                    "qwen35",
                    "qwen35moe",
                    "qwen3tts",
                    "qwen3vl",
                    "qwen3vlmoe",
                    "qwen4exp");

    private static final int SECTIONS = 4;

    /** What is more than the largest f32 is infinite. */
    private static final double MOST_F32 = Float.MAX_VALUE;

    private final Hyperparameters values;
    private final long heads;
    private final long embedding;
    private final long keySize;

    HeadCheck(Hyperparameters values, long heads) {
        this.values = values;
        this.heads = heads;
        this.embedding = values.u32(values.key("embedding_length")).orElse(0);
        this.keySize = values.u32(values.key("attention.key_length")).orElse(embedding / heads);
    }

    /** Whether all sizes of a head have to agree, in all layers. */
    static boolean isStrict(String architecture) {
        return KEY_VALUE_AND_ROPE_AGREE.contains(architecture);
    }

    void check() {
        String arch = values.architecture();
        boolean strict = isStrict(arch);
        long valueSize = values.u32(values.key("attention.value_length")).orElse(embedding / heads);
        // Layers with a sliding window may have other sizes.
        long windowKey = values.u32(values.key("attention.key_length_swa")).orElse(keySize);
        long windowValue = values.u32(values.key("attention.value_length_swa")).orElse(valueSize);
        if (strict || KEY_AND_VALUE_AGREE.contains(arch)) {
            keyAndValueAgree("attention.value_length", keySize, valueSize);
            keyAndValueAgree("attention.value_length_swa", windowKey, windowValue);
        }
        if (hasRope(arch)) {
            rope("rope.dimension_count", keySize, strict);
            rope("rope.dimension_count_swa", windowKey, strict);
            sections();
            frequencies();
        }
        if (HEADS_FILL_EMBEDDING.contains(arch)) {
            values.require(
                    heads * keySize == embedding,
                    values.key("attention.head_count"),
                    heads,
                    String.format(
                            Locale.ROOT,
                            "%d heads of %d for an embedding_length of %d",
                            embedding / Math.max(1, keySize),
                            keySize,
                            embedding));
        }
    }

    /** In Granite, rope.scaling.finetuned says whether there is any. */
    private boolean hasRope(String arch) {
        boolean isOff =
                arch.equals("granitehybrid")
                        && !values.bool(values.key("rope.scaling.finetuned")).orElse(true);
        return !isOff && !WITHOUT_ROPE.contains(arch);
    }

    private void keyAndValueAgree(String name, long keySize, long valueSize) {
        values.require(
                valueSize == keySize,
                values.key(name),
                valueSize,
                "the size of a head's key, " + keySize);
    }

    /** ggml_compute_forward_rope_flt: GGML_ASSERT(n_dims <= ne0), GGML_ASSERT(n_dims % 2 == 0). */
    private void rope(String name, long keySize, boolean strict) {
        String key = values.key(name);
        long rope = values.u32(key).orElse(keySize);
        if (strict) {
            values.require(rope == keySize, key, rope, "the size of a head, " + keySize);
        }
        if (strict || values.u32(key).isPresent()) {
            values.require(rope <= keySize, key, rope, "at most the size of a head, " + keySize);
            // With 0 it never ends.
            values.require(rope > 0 && rope % 2 == 0, key, rope, "an even number above 0");
        }
    }

    /** With others, all that is computed is NaN. */
    private void frequencies() {
        for (String name : List.of("rope.freq_base", "rope.freq_base_swa")) {
            String key = values.key(name);
            double base = values.f32(key).orElse(1);
            values.require(base > 0 && base < MOST_F32, key, base, "a number above 0");
        }
        for (String name : List.of("rope.scale_linear", "rope.scaling.factor")) {
            String key = values.key(name);
            double factor = values.f32(key).orElse(1);
            // 0 is for none.
            values.require(factor >= 0 && factor < MOST_F32, key, factor, "0 or a number above it");
        }
    }

    /**
     * ggml_mrope_cache_init: GGML_ASSERT(sect_dims <= ne0), and a remainder of a division by their
     * sum.
     */
    private void sections() {
        String key = values.key("rope.dimension_sections");
        Optional<long[]> sections = values.perLayer(key, SECTIONS);
        if (sections.isEmpty()) {
            return;
        }
        long sum = 0;
        for (long section : sections.get()) {
            // The section is an i32, so a negative one is large here, as is the sum.
            sum += section;
        }
        String shown = Arrays.toString(sections.get());
        values.require(sum <= keySize, key, shown, "at most the size of a head, " + keySize);
        values.require(
                sum > 0 || !NEEDS_SECTIONS.contains(values.architecture()),
                key,
                shown,
                "one that is not 0");
    }
}
