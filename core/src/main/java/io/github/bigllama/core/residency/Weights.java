package io.github.bigllama.core.residency;

import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufMetadata;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.gguf.TensorInfo;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;

/**
 * The weights of a model and their places in its files, in the order in which a pass uses them, as
 * far as the names show it. Immutable; made from the headers alone.
 *
 * @param files the files of the model, the first part first
 * @param all all tensors, in the order of use
 * @param expertsUsed number of experts per layer that a token uses; 0 for a dense model
 */
public record Weights(List<Path> files, List<Weight> all, int expertsUsed) {
    /** The order of roles in a layer; other tensors keep the place that they have in the file. */
    private static final List<String> ORDER =
            List.of(
                    "attn_norm",
                    "attn_q",
                    "attn_k",
                    "attn_v",
                    "attn_output",
                    "ffn_norm",
                    "ffn_gate_inp",
                    "ffn_gate_up_exps",
                    "ffn_gate_exps",
                    "ffn_up_exps",
                    "ffn_down_exps",
                    "ffn_gate",
                    "ffn_up",
                    "ffn_down");

    public Weights {
        files = List.copyOf(Objects.requireNonNull(files, "files"));
        all = List.copyOf(Objects.requireNonNull(all, "all"));
    }

    /** The weights that the headers of a model list. */
    public static Weights of(ModelFiles model) {
        Objects.requireNonNull(model, "model");
        List<Path> files = new ArrayList<>();
        List<Weight> all = new ArrayList<>();
        String architecture = model.first().architecture().orElse("");
        boolean tied =
                model.tensor("output.weight").isEmpty() && !ModelFiles.isEncoder(architecture);
        int layers = layers(model.metadata(), architecture);
        for (Gguf part : model.parts()) {
            for (TensorInfo tensor : part.tensors()) {
                all.add(Weight.of(tensor, files.size(), part.dataOffset(), tied, layers));
            }
            files.add(part.path().orElse(Path.of(part.fileName())));
        }
        // The sort is stable: tensors that the names do not order stay in the order of the files.
        all.sort(Comparator.comparingInt(Weight::layer).thenComparingInt(Weights::rank));
        return new Weights(files, all, expertsUsed(model));
    }

    /** The layers that are computed: n_layer() in llama-hparams.h. */
    private static int layers(GgufMetadata metadata, String architecture) {
        long all = largest(metadata, architecture + ".block_count").orElse(Weight.AFTER_LAYERS);
        return (int) (all - largest(metadata, architecture + ".nextn_predict_layers").orElse(0));
    }

    private static int expertsUsed(ModelFiles model) {
        String architecture = model.first().architecture().orElse("");
        return (int) largest(model.metadata(), architecture + ".expert_used_count").orElse(0);
    }

    /** A number, or the largest one where layers differ. */
    private static OptionalLong largest(GgufMetadata metadata, String key) {
        GgufValue value = metadata.find(key).orElse(null);
        if (value instanceof GgufValue.Int number) {
            return OptionalLong.of(number.value());
        }
        return value instanceof GgufValue.Array array && array.value().isIntegers()
                ? array.value().integers().max()
                : OptionalLong.empty();
    }

    private static int rank(Weight weight) {
        if (weight.layer() == Weight.AFTER_LAYERS) {
            return weight.name().startsWith("output_norm") ? 0 : 1;
        }
        String role = weight.role();
        int best = ORDER.indexOf("ffn_norm");
        int length = 0;
        for (int i = 0; i < ORDER.size(); i++) {
            String prefix = ORDER.get(i);
            if (role.startsWith(prefix) && prefix.length() > length) {
                best = i;
                length = prefix.length();
            }
        }
        return best;
    }

    /** Bytes of all weights. */
    public long size() {
        return all.stream().mapToLong(Weight::size).sum();
    }

    /** Bytes of the weights that tokens need: all but those that only drafts read. */
    public long loadedSize() {
        return size() - size(Weight.Use.DRAFTS);
    }

    /** Bytes of the weights of one use. */
    public long size(Weight.Use use) {
        Objects.requireNonNull(use, "use");
        return all.stream().filter(w -> w.use() == use).mapToLong(Weight::size).sum();
    }

    /**
     * Bytes that a token reads: the weights that every token uses, and the slices of the experts
     * that it is routed to. Rows of embeddings, a few kilobytes, are not counted.
     */
    public long activeSize() {
        return all.stream().mapToLong(this::activeSize).sum();
    }

    /** Bytes that a token reads of one weight. */
    public long activeSize(Weight weight) {
        Objects.requireNonNull(weight, "weight");
        return switch (weight.use()) {
            case EVERY_TOKEN -> weight.size();
            case EXPERTS -> Math.min(expertsUsed, weight.slices()) * weight.sliceSize();
            case ROWS, DRAFTS -> 0;
        };
    }

    /** Number of layers: the largest layer number plus one. */
    public int layers() {
        return 1
                + all.stream()
                        .mapToInt(Weight::layer)
                        .filter(layer -> layer != Weight.AFTER_LAYERS)
                        .max()
                        .orElse(-1);
    }

    /** Whether the model has routed experts. */
    public boolean hasExperts() {
        return all.stream().anyMatch(w -> w.use() == Weight.Use.EXPERTS);
    }
}
