package io.github.bigllama.core.inspect;

import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.internal.check.Hyperparameters;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;

/** The kinds of GGUF files, told apart by the header. */
public enum ModelKind {
    /** Predicts the next token of a text. */
    LANGUAGE_MODEL("a language model", "continues texts and chats"),
    /** As {@link #LANGUAGE_MODEL}, with a state of constant size instead of a KV cache. */
    RECURRENT("a recurrent language model", "continues texts and chats"),
    /** As {@link #LANGUAGE_MODEL}, with layers of both sorts. */
    HYBRID("a hybrid language model", "continues texts and chats"),
    /** Turns texts into vectors ({@code pooling_type} or attention in both directions). */
    EMBEDDING("an embedding model", "turns texts into vectors"),
    /** Scores how well a document answers a query ({@code pooling_type} rank). */
    RERANKER("a reranker", "scores documents for a query"),
    /** Reads a text as a whole, then writes another (T5). */
    ENCODER_DECODER("an encoder-decoder model", "turns one text into another"),
    /** Fills in a whole text in several passes. */
    DIFFUSION("a diffusion model", "fills in a whole text in several passes"),
    /** Drafts tokens for another model from that model's activations. */
    DRAFT_HEAD("a draft head", "speeds up the model that it was made for"),
    /** Has no weights. */
    VOCABULARY("a vocabulary without weights", "only tokenizes"),
    /** Makes embeddings of images or sounds for a language model. */
    PROJECTOR("a projector (mmproj)", "lets the model that it was made for see or hear"),
    /** Is added to the matrices of a model (LoRA). */
    LORA_ADAPTER("a LoRA adapter", "changes the model that it was made for"),
    /** Steers the activations of a model. */
    CONTROL_VECTOR("a control vector", "steers the model that it was made for"),
    /** Says which weights matter most when a model is quantized. */
    IMPORTANCE_MATRIX("an importance matrix", "is used to quantize the model that it was made for"),
    /** Turns the tokens of a speech model into sound. */
    VOCODER("a vocoder", "turns tokens into sound");

    /** llm_arch_is_recurrent, llm_arch_is_hybrid and llm_arch_is_diffusion in llama-arch.cpp. */
    private static final Set<String> RECURRENT_ARCHITECTURES =
            Set.of("mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7");

    private static final Set<String> HYBRID_ARCHITECTURES =
            Set.of(
                    "jamba",
                    "falcon-h1",
                    "plamo2",
                    "granitehybrid",
                    "lfm2",
                    "lfm2moe",
                    "nemotron_h",
                    "nemotron_h_moe",
                    "qwen3next",
                    "kimi-linear",
                    "bailingmoe3",
                    "kimi-k3",
                    "qwen35",
                    "qwen35moe",
                    "qwen4exp",
                    "deepseek4",
                    "minimax-01");

    private static final Set<String> DIFFUSION_ARCHITECTURES =
            Set.of("dream", "llada", "llada-moe", "rnd1");

    /** enum llama_pooling_type in llama.h. */
    private static final long POOLING_RANK = 4;

    private final String noun;
    private final String use;

    ModelKind(String noun, String use) {
        this.noun = noun;
        this.use = use;
    }

    /** The kind of a model. */
    public static ModelKind of(ModelFiles files) {
        return of(files, Map.of());
    }

    /**
     * The kind of a model with metadata overrides.
     *
     * @param overrides metadata to replace, as in {@code ModelOptions}
     */
    public static ModelKind of(ModelFiles files, Map<String, ?> overrides) {
        Objects.requireNonNull(files, "files");
        Objects.requireNonNull(overrides, "overrides");
        Hyperparameters values = Hyperparameters.of(files, overrides);
        String architecture = values.architecture();
        switch (values.text("general.type").orElse("")) {
            case "adapter" -> {
                return LORA_ADAPTER;
            }
            case "mmproj" -> {
                return PROJECTOR;
            }
            case "imatrix" -> {
                return IMPORTANCE_MATRIX;
            }
            default -> {}
        }
        return switch (architecture) {
            case "clip" -> PROJECTOR;
            case "controlvector" -> CONTROL_VECTOR;
            case "eagle3", "dflash", "gemma4-assistant" -> DRAFT_HEAD;
            case "t5" -> ENCODER_DECODER;
            case "wavtokenizer-dec" -> VOCODER;
            default -> ofNetwork(files, values, architecture);
        };
    }

    private static ModelKind ofNetwork(
            ModelFiles files, Hyperparameters values, String architecture) {
        if (files.parts().stream().allMatch(part -> part.tensors().isEmpty())) {
            return VOCABULARY;
        }
        if (DIFFUSION_ARCHITECTURES.contains(architecture)) {
            return DIFFUSION;
        }
        OptionalLong pooling = values.u32(values.key("pooling_type"));
        if (pooling.isPresent() && pooling.getAsLong() == POOLING_RANK) {
            return RERANKER;
        }
        boolean isCausal = values.bool(values.key("attention.causal")).orElse(true);
        boolean pools = pooling.isPresent() && pooling.getAsLong() > 0;
        if (!isCausal
                || pools && pooling.getAsLong() < POOLING_RANK
                || ModelFiles.isEncoder(architecture)) {
            return EMBEDDING;
        }
        if (RECURRENT_ARCHITECTURES.contains(architecture)) {
            return RECURRENT;
        }
        return HYBRID_ARCHITECTURES.contains(architecture) ? HYBRID : LANGUAGE_MODEL;
    }

    /** Whether a model of this kind writes text token by token. */
    public boolean generates() {
        return this == LANGUAGE_MODEL || this == RECURRENT || this == HYBRID;
    }

    /**
     * Whether a model of this kind can turn texts into vectors; those that write texts can, too.
     */
    public boolean embeds() {
        return this == EMBEDDING || generates();
    }

    /** Whether a model of this kind can score documents for a query. */
    public boolean ranks() {
        return this == RERANKER;
    }

    /** Whether a file of this kind is a model on its own, which llama.cpp can load. */
    public boolean isModel() {
        return switch (this) {
            case LANGUAGE_MODEL,
                    RECURRENT,
                    HYBRID,
                    EMBEDDING,
                    RERANKER,
                    ENCODER_DECODER,
                    DIFFUSION,
                    VOCABULARY ->
                    true;
            default -> false;
        };
    }

    /**
     * The kind and its use as a predicate: "is an embedding model, which turns texts into vectors".
     */
    public String sentence() {
        return "is " + noun + ", which " + use;
    }

    /** The kind with its article, for example {@code an embedding model}. */
    @Override
    public String toString() {
        return noun;
    }
}
