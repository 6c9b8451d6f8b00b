package io.github.bigllama.internal.synthetic;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.GgufArray;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.internal.llama.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;

/**
 * A small model of an architecture of llama.cpp's: its metadata, and the names and extents of its
 * tensors. They are data, in {@code architectures.json}:
 *
 * <ul>
 *   <li>{@code metadata}: keys without the architecture in front, and their values
 *   <li>{@code per_layer}: keys whose value is an array, one number per layer: the one of the group
 *       that the layer has, else 0
 *   <li>{@code tensors}: those of no layer; the extents are those of ggml, {@code vocab} is the
 *       number of tokens. What has rows of whole blocks and a name on {@code .weight} is Q8_0
 *       unless {@code F32} is in front
 *   <li>{@code groups}: tensors that are in a layer together; {@code *} is the number of the layer
 *   <li>{@code first}, {@code cycle}, {@code last}: the groups of each layer; those of the cycle
 *       are repeated
 * </ul>
 *
 * @param name the architecture ({@code general.architecture})
 * @param data what the file says of it
 * @param layers the groups of each layer
 */
public record Architecture(String name, JsonNode data, List<List<String>> layers) {
    private static final String FILE = "architectures.json";
    private static final Map<String, JsonNode> ALL = read();

    /** A tensor that is to be written. */
    record Tensor(String name, GgmlType type, long[] extents) {
        long size() {
            long elements = 1;
            for (long extent : extents) {
                elements *= extent;
            }
            return elements / type.blockSize() * type.typeSize();
        }
    }

    private static Map<String, JsonNode> read() {
        try (InputStream in = Architecture.class.getResourceAsStream(FILE)) {
            Map<String, JsonNode> all = new TreeMap<>();
            Json.read(new String(in.readAllBytes(), StandardCharsets.UTF_8))
                    .properties()
                    .forEach(entry -> all.put(entry.getKey(), entry.getValue()));
            return all;
        } catch (IOException e) {
            throw new UncheckedIOException(FILE, e);
        }
    }

    /** The names of all architectures, in alphabetical order. */
    public static List<String> names() {
        return List.copyOf(ALL.keySet());
    }

    /** What is special about an architecture. */
    public static String description(String name) {
        return ALL.get(name).get("description").asText();
    }

    /** A model with the fewest layers that show all that its architecture has. */
    public static Architecture of(String name) {
        return new Architecture(name, ALL.get(name), List.of()).ofCycles(1);
    }

    /** This model with as many layers as make it approximately as large. */
    public Architecture ofSize(long bytes) {
        Architecture one = ofCycles(1);
        long cycle = ofCycles(2).size() - one.size();
        return ofCycles(1 + (int) Math.max(0, Math.round((bytes - one.size()) / (double) cycle)));
    }

    /** This model with so many layers, or a few more: all that are repeated together. */
    public Architecture withLayers(int count) {
        int rest = groups("first").size() + groups("last").size();
        int cycle = groups("cycle").size();
        return ofCycles(Math.max(1, Math.ceilDiv(count - rest, cycle)));
    }

    private Architecture ofCycles(int count) {
        List<List<String>> all = new ArrayList<>(groups("first"));
        for (int i = 0; i < count; i++) {
            all.addAll(groups("cycle"));
        }
        all.addAll(groups("last"));
        return new Architecture(name, data, List.copyOf(all));
    }

    private List<List<String>> groups(String part) {
        List<List<String>> groups = new ArrayList<>();
        data.path(part).forEach(layer -> groups.add(Json.texts(layer)));
        return groups;
    }

    /** Bytes of its tensors, beside those that are as large as the vocabulary. */
    private long size() {
        return tensors(0).stream().mapToLong(Tensor::size).sum();
    }

    /** Its tensors, in the order of the file. */
    List<Tensor> tensors(long vocabularySize) {
        List<Tensor> tensors = new ArrayList<>();
        BiConsumer<JsonNode, Integer> add =
                (group, layer) ->
                        group.properties()
                                .forEach(
                                        entry ->
                                                tensors.add(
                                                        tensor(
                                                                entry.getKey()
                                                                        .replace("*", "" + layer),
                                                                entry.getValue(),
                                                                vocabularySize)));
        add.accept(data.get("tensors"), -1);
        for (int layer = 0; layer < layers.size(); layer++) {
            for (String group : layers.get(layer)) {
                add.accept(data.get("groups").get(group), layer);
            }
        }
        return tensors;
    }

    private static Tensor tensor(String name, JsonNode description, long vocabularySize) {
        boolean isMarked = description.get(0).asText().equals(GgmlType.F32.name());
        List<Long> extents = new ArrayList<>();
        for (int i = isMarked ? 1 : 0; i < description.size(); i++) {
            JsonNode extent = description.get(i);
            extents.add(extent.isNumber() ? extent.asLong() : vocabularySize);
        }
        boolean isQuantized =
                !isMarked
                        && name.endsWith(".weight")
                        && extents.size() > 1
                        && extents.getFirst() % GgmlType.Q8_0.blockSize() == 0;
        return new Tensor(
                name,
                isQuantized ? GgmlType.Q8_0 : GgmlType.F32,
                extents.stream().mapToLong(Long::longValue).toArray());
    }

    boolean hasExperts() {
        return data.get("metadata").has("expert_count");
    }

    /** Whether a token sees only what is before it. */
    boolean isCausal() {
        return data.get("metadata").path("attention.causal").asBoolean(true);
    }

    /** Whether its graph multiplies an embedding by the root of its length. */
    boolean scalesEmbedding() {
        return name.startsWith("gemma");
    }

    /** Its metadata, except for names and the vocabulary. */
    Map<String, GgufValue> metadata() {
        Map<String, GgufValue> metadata = new TreeMap<>();
        metadata.put(name + ".block_count", number(layers.size()));
        data.get("metadata")
                .properties()
                .forEach(
                        entry ->
                                metadata.put(
                                        entry.getKey().startsWith("tokenizer.")
                                                ? entry.getKey()
                                                : name + "." + entry.getKey(),
                                        value(entry.getValue())));
        data.path("per_layer")
                .properties()
                .forEach(
                        entry ->
                                metadata.put(
                                        name + "." + entry.getKey(), perLayer(entry.getValue())));
        return metadata;
    }

    private static GgufValue value(JsonNode node) {
        if (node.isBoolean()) {
            return new GgufValue.Bool(node.asBoolean());
        }
        if (node.isArray()) {
            long[] values =
                    IntStream.range(0, node.size()).mapToLong(i -> node.get(i).asLong()).toArray();
            return new GgufValue.Array(GgufArray.of(GgufValueType.INT32, values));
        }
        return node.isIntegralNumber()
                ? number(node.asLong())
                : new GgufValue.Real(GgufValueType.FLOAT32, node.asDouble());
    }

    private static GgufValue number(long value) {
        return new GgufValue.Int(GgufValueType.UINT32, value);
    }

    private GgufValue perLayer(JsonNode byGroup) {
        long[] values =
                layers.stream()
                        .mapToLong(
                                groups ->
                                        groups.stream()
                                                .mapToLong(group -> byGroup.path(group).asLong())
                                                .sum())
                        .toArray();
        return new GgufValue.Array(GgufArray.of(GgufValueType.UINT32, values));
    }
}
