package io.github.bigllama.core.inspect;

import io.github.bigllama.core.gguf.GgufMetadata;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weights;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;

/**
 * A summary of a model's headers. Sizes are in bytes.
 *
 * @param file where the model is
 * @param files number of files of the model
 * @param fileSize size of all files
 * @param version version of the GGUF format
 * @param kind the kind of model
 * @param architecture for example {@code llama}; empty if the header has none
 * @param name the name that its authors gave it
 * @param parameters number of weights
 * @param weights size of all tensors
 * @param bitsPerWeight bits per weight, scales of the blocks included
 * @param active size of the weights that a token uses
 * @param everyToken size of the weights that every token uses; the rest of {@code active} are
 *     experts
 * @param contextSize context size that the model was trained with, in tokens
 * @param embeddingSize length of an embedding, in floats
 * @param layers number of layers
 * @param heads number of attention heads; the largest where layers differ
 * @param keyValueHeads number of key and value heads; the largest where layers differ
 * @param experts number of routed experts in a layer
 * @param expertsUsed number of them that a token uses
 * @param vocabularySize number of tokens in the vocabulary
 * @param tokenizer the kind of tokenizer
 * @param hasChatTemplate whether the model has a chat template
 * @param types the tensors by type, the largest first
 * @param roles the tensors by role, in the order of use
 * @param parts the tensors by layer, in the order of use
 */
public record ModelSummary(
        String file,
        int files,
        long fileSize,
        int version,
        ModelKind kind,
        Optional<String> architecture,
        Optional<String> name,
        long parameters,
        long weights,
        double bitsPerWeight,
        long active,
        long everyToken,
        OptionalLong contextSize,
        OptionalLong embeddingSize,
        OptionalLong layers,
        OptionalLong heads,
        OptionalLong keyValueHeads,
        OptionalLong experts,
        OptionalLong expertsUsed,
        OptionalLong vocabularySize,
        Optional<String> tokenizer,
        boolean hasChatTemplate,
        List<Group> types,
        List<Group> roles,
        List<Group> parts) {
    /**
     * A group of tensors.
     *
     * @param name what the tensors have in common
     * @param tensors number of tensors
     * @param size size of the tensors
     * @param active the part of the size that a token uses
     */
    public record Group(String name, int tensors, long size, long active) {
        private Group plus(Group other) {
            return new Group(
                    name, tensors + other.tensors, size + other.size, active + other.active);
        }
    }

    public ModelSummary {
        types = List.copyOf(Objects.requireNonNull(types, "types"));
        roles = List.copyOf(Objects.requireNonNull(roles, "roles"));
        parts = List.copyOf(Objects.requireNonNull(parts, "parts"));
    }

    /** The summary of a model whose headers have been read. */
    public static ModelSummary of(ModelFiles model) {
        Objects.requireNonNull(model, "model");
        Weights weights = Weights.of(model);
        Optional<String> architecture = model.first().architecture();
        Function<String, OptionalLong> key =
                suffix -> number(model.metadata(), architecture.orElse("") + "." + suffix);
        long parameters = model.tensors().stream().mapToLong(TensorInfo::elements).sum();
        List<Group> types = new ArrayList<>(groups(weights, weight -> weight.type().label()));
        types.sort(Comparator.comparingLong(Group::size).reversed());
        return new ModelSummary(
                model.first().file(),
                model.parts().size(),
                model.fileSize(),
                model.first().version(),
                ModelKind.of(model),
                architecture,
                text(model.metadata(), "general.name"),
                parameters,
                weights.size(),
                parameters == 0 ? 0 : 8.0 * weights.size() / parameters,
                weights.activeSize(),
                weights.size(Weight.Use.EVERY_TOKEN),
                key.apply("context_length"),
                key.apply("embedding_length"),
                key.apply("block_count"),
                key.apply("attention.head_count"),
                orElse(key.apply("attention.head_count_kv"), key.apply("attention.head_count")),
                key.apply("expert_count"),
                key.apply("expert_used_count"),
                length(model.metadata(), "tokenizer.ggml.tokens"),
                text(model.metadata(), "tokenizer.ggml.model"),
                model.metadata().contains("tokenizer.chat_template"),
                types,
                groups(weights, Weight::role),
                groups(weights, ModelSummary::part));
    }

    private static OptionalLong orElse(OptionalLong value, OptionalLong other) {
        return value.isPresent() ? value : other;
    }

    private static String part(Weight weight) {
        return switch (weight.layer()) {
            case Weight.BEFORE_LAYERS -> "input";
            case Weight.AFTER_LAYERS -> "output";
            default -> "layer " + weight.layer();
        };
    }

    private static List<Group> groups(Weights weights, Function<Weight, String> name) {
        Map<String, Group> groups = new LinkedHashMap<>();
        for (Weight weight : weights.all()) {
            Group one = new Group(name.apply(weight), 1, weight.size(), weights.activeSize(weight));
            groups.merge(one.name, one, Group::plus);
        }
        return List.copyOf(groups.values());
    }

    private static Optional<String> text(GgufMetadata metadata, String key) {
        return metadata.find(key)
                .filter(GgufValue.Text.class::isInstance)
                .map(value -> ((GgufValue.Text) value).value());
    }

    private static OptionalLong length(GgufMetadata metadata, String key) {
        return metadata.find(key).orElse(null) instanceof GgufValue.Array array
                ? OptionalLong.of(array.value().size())
                : OptionalLong.empty();
    }

    /** A number, or the largest element of an array with one number per layer. */
    private static OptionalLong number(GgufMetadata metadata, String key) {
        GgufValue value = metadata.find(key).orElse(null);
        if (value instanceof GgufValue.Int number) {
            return OptionalLong.of(number.value());
        }
        if (value instanceof GgufValue.Array array && array.value().isIntegers()) {
            return array.value().integers().max();
        }
        return OptionalLong.empty();
    }
}
