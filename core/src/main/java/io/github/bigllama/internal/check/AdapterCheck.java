package io.github.bigllama.internal.check;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.GgufArray;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.internal.text.Text;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Refuses LoRA adapters that don't fit a model: llama.cpp v0.5.0 reports some of them, and asserts
 * on others when it computes, which ends the process.
 */
public final class AdapterCheck {
    private static final String A = ".lora_a";
    private static final String B = ".lora_b";
    private static final String EMBEDDING = "token_embd.weight";
    private static final String INVOCATION = "adapter.alora.invocation_tokens";

    /**
     * Architectures whose graph has a fixed number of nodes per tensor, however many adapters there
     * are: llama_context::graph_max_nodes. One adapter of all tensors takes 4 of 32 or more.
     */
    private static final Set<String> UNCOUNTED =
            Set.of(
                    "kimi-k3",
                    "qwen3next",
                    "kimi-linear",
                    "bailingmoe3",
                    "qwen35",
                    "qwen35moe",
                    "qwen4exp",
                    "deepseek4",
                    "minimax-01",
                    "minimax-m3",
                    "hy_v4");

    /** Those that compute with each weight many times in a graph of that kind. */
    private static final Set<String> LOOPED = Set.of("hrm_text", "nanbeige");

    private final ModelFiles adapter;
    private final ModelFiles model;
    private final Hyperparameters base;

    private AdapterCheck(ModelFiles adapter, ModelFiles model, Map<String, ?> overrides) {
        this.adapter = adapter;
        this.model = model;
        this.base = Hyperparameters.of(model, overrides);
    }

    /**
     * Checks an adapter.
     *
     * @param overrides of the model's metadata
     * @param before how many pairs of tensors other adapters of the model have
     * @return how many pairs of tensors it has
     * @throws GgufException if it does not fit the model
     */
    public static int lora(
            ModelFiles adapter, ModelFiles model, Map<String, ?> overrides, int before) {
        return new AdapterCheck(adapter, model, overrides).check(before);
    }

    /** Whether an adapter applies only after certain tokens (aLoRA). */
    public static boolean isActivated(ModelFiles adapter) {
        return adapter.metadata().find(INVOCATION).orElse(null) instanceof GgufValue.Array tokens
                && tokens.value().size() > 0;
    }

    private int check(int before) {
        ModelCheck.requireByteOrder(adapter.first());
        metadata();
        Map<String, TensorInfo> first = new HashMap<>();
        Map<String, TensorInfo> second = new HashMap<>();
        for (TensorInfo tensor : adapter.tensors()) {
            String name = tensor.name();
            if (name.endsWith(A)) {
                first.put(name.substring(0, name.length() - A.length()), tensor);
            } else if (name.endsWith(B)) {
                second.put(name.substring(0, name.length() - B.length()), tensor);
            } else if (!name.endsWith("_norm.weight")) {
                // Which llama.cpp leaves out.
                throw refuse(
                        "tensor %s is neither %s nor %s of a matrix"
                                .formatted(Text.quote(name), A, B));
            }
        }
        for (String name : second.keySet()) {
            if (!first.containsKey(name)) {
                throw missing(name + A);
            }
        }
        for (Map.Entry<String, TensorInfo> entry : first.entrySet()) {
            TensorInfo b = second.get(entry.getKey());
            if (b == null) {
                throw missing(entry.getKey() + B);
            }
            pair(entry.getKey(), entry.getValue(), b);
        }
        if (first.isEmpty()) {
            throw refuse("it has no tensors, so it changes nothing");
        }
        nodes(before + first.size());
        return first.size();
    }

    /** llama_adapter_lora_init_impl reads these as what they should be, and asserts that. */
    private void metadata() {
        if (adapter.parts().size() > 1) {
            throw refuse("it is split into several files, of which llama.cpp reads only one");
        }
        String type = text("adapter.type");
        if (!type.equals("lora")) {
            throw refuse(
                    "it is an adapter of type %s, and llama.cpp knows only lora"
                            .formatted(Text.quote(type)));
        }
        String architecture = text("general.architecture");
        if (!architecture.equals(base.architecture())) {
            throw refuse(
                    "it was made for a model of architecture %s; %s is %s"
                            .formatted(
                                    Text.quote(architecture),
                                    model.first().fileName(),
                                    Text.quote(base.architecture())));
        }
        GgufValue alpha = adapter.metadata().find("adapter.lora.alpha").orElse(null);
        if (alpha != null && alpha.type() != GgufValueType.FLOAT32) {
            throw refuse(
                    "adapter.lora.alpha is of type %s, llama.cpp needs f32"
                            .formatted(alpha.type()));
        }
        invocation();
    }

    private void invocation() {
        GgufValue value = adapter.metadata().find(INVOCATION).orElse(null);
        if (value == null) {
            return;
        }
        GgufArray tokens = value instanceof GgufValue.Array array ? array.value() : null;
        if (tokens == null || tokens.elementType() != GgufValueType.UINT32) {
            throw refuse(INVOCATION + " is no array of u32, which llama.cpp needs");
        }
        int vocabulary =
                base.array("tokenizer.ggml.tokens", GgufValueType.STRING)
                        .map(GgufArray::size)
                        .orElse(0);
        if (tokens.integers().anyMatch(token -> token < 0 || token >= vocabulary)) {
            throw refuse(
                    String.format(
                            Locale.ROOT,
                            "%s has tokens that the model doesn't: its vocabulary has %d",
                            INVOCATION,
                            vocabulary));
        }
    }

    private String text(String key) {
        return adapter.metadata().find(key).orElse(null) instanceof GgufValue.Text text
                ? text.value()
                : "";
    }

    private void pair(String name, TensorInfo a, TensorInfo b) {
        TensorInfo matrix = model.tensor(name).orElse(null);
        if (matrix == null) {
            throw refuse(
                    "%s has no tensor %s, which it changes; it was made for another model"
                            .formatted(model.first().fileName(), Text.quote(name)));
        }
        boolean isEmbedding = name.endsWith(EMBEDDING);
        multiplied(a);
        multiplied(b);
        // build_inp_embd and build_lora_mm in llama-graph.cpp: ggml_mul_mat asserts the shapes.
        boolean fits =
                isEmbedding
                        ? a.ne(1) == matrix.ne(1) && b.ne(1) == matrix.ne(0) && a.ne(0) == b.ne(0)
                        : a.ne(0) == matrix.ne(0) && b.ne(1) == matrix.ne(1) && a.ne(1) == b.ne(0);
        for (int i = 2; i < TensorInfo.MAX_DIMENSIONS; i++) {
            fits &= a.ne(i) == matrix.ne(i) && b.ne(i) == matrix.ne(i);
        }
        if (!fits) {
            throw refuse(
                    "its tensors for %s, of shapes %s and %s, don't fit a matrix of %s; it was made for another model"
                            .formatted(Text.quote(name), a.shape(), b.shape(), matrix.shape()));
        }
        if (isEmbedding && model.tensor("output.weight").isEmpty()) {
            // build_lora_mm would take the tensors of the embedding for those of the output.
            throw refuse(
                    "it changes %s, which is the output matrix of %s, too; llama.cpp can't do that"
                            .formatted(name, model.first().fileName()));
        }
        if (matrix.type() == GgmlType.NVFP4) {
            // GGML_ASSERT in build_ffn.
            throw refuse(
                    "it changes %s, which has type nvfp4; llama.cpp can't do that"
                            .formatted(Text.quote(name)));
        }
    }

    private void multiplied(TensorInfo tensor) {
        if (tensor.shape().contains(0L)) {
            throw refuse("tensor %s has no elements".formatted(Text.quote(tensor.name())));
        }
        if (TensorCheck.NEVER_MULTIPLIED.contains(tensor.type())) {
            throw refuse(
                    "tensor %s has type %s, which llama.cpp cannot multiply with"
                            .formatted(Text.quote(tensor.name()), tensor.type().label()));
        }
    }

    /** GGML_ASSERT(cgraph->n_nodes < cgraph->size) in ggml_build_forward_impl. */
    private void nodes(int pairs) {
        String architecture = base.architecture();
        boolean isUncounted = UNCOUNTED.contains(architecture);
        if (LOOPED.contains(architecture) || isUncounted && pairs > model.tensors().size()) {
            throw refuse(
                    isUncounted
                            ? String.format(
                                    Locale.ROOT,
                                    "with it there are adapters for %d matrices of %d tensors, for which llama.cpp has no room with this architecture; close others first",
                                    pairs,
                                    model.tensors().size())
                            : "llama.cpp has no room for adapters of models of architecture "
                                    + architecture);
        }
    }

    private GgufException missing(String name) {
        return refuse("tensor %s is missing".formatted(Text.quote(name)));
    }

    private GgufException refuse(String message) {
        return new GgufException(
                Problem.UNUSABLE, adapter.first().file(), "can't be used: " + message);
    }
}
