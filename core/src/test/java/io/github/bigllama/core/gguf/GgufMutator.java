package io.github.bigllama.core.gguf;

import io.github.bigllama.testing.RawGguf;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Damaged copies of a GGUF file, the same for the same seed: bytes and integers anywhere, and
 * well-formed files whose values, strings, arrays or tensors are wrong, which go deeper into
 * llama.cpp than broken ones.
 */
public final class GgufMutator {
    private static final int[] NUMBERS = {
        0,
        1,
        2,
        3,
        5,
        7,
        16,
        31,
        33,
        64,
        127,
        128,
        255,
        256,
        257,
        511,
        512,
        513,
        1023,
        1024,
        1025,
        65535,
        65536,
        1 << 20,
        1 << 24,
        1 << 30,
        Integer.MAX_VALUE,
        Integer.MIN_VALUE,
        -1,
        -2,
        -32
    };
    private static final float[] REALS = {
        0f,
        -0f,
        1f,
        -1f,
        1e-30f,
        1e30f,
        -1e30f,
        Float.MAX_VALUE,
        Float.MIN_VALUE,
        Float.NaN,
        Float.POSITIVE_INFINITY,
        Float.NEGATIVE_INFINITY,
        0.5f,
        1e-5f,
        1e5f
    };
    private static final String[] TEXTS = {
        "",
        " ",
        "\0",
        "a\0b",
        "llama",
        "qwen2",
        "gpt2",
        "bert",
        "t5",
        "rwkv",
        "none",
        "no_vocab",
        "plamo2",
        "gemma4",
        "test",
        "whitespace",
        "hybriddna",
        "default",
        "yarn",
        "linear",
        "longrope",
        "<|im_end|>",
        "<0x0A>",
        "\uD83E\uDD99",
        "x".repeat(5000),
        "{{",
        "chatml"
    };
    private static final String[] KEYS = {
        "expert_count",
        "expert_used_count",
        "expert_group_count",
        "expert_group_used_count",
        "attention.key_length",
        "attention.value_length",
        "attention.sliding_window",
        "attention.causal",
        "pooling_type",
        "nextn_predict_layers",
        "embedding_length_out",
        "rope.scaling.factor",
        "rope.scaling.original_context_length",
        "rope.freq_base_swa",
        "attention.scale",
        "attention.clamp_kqv",
        "attention.max_alibi_bias",
        "logit_scale",
        "attention.key_length_mla",
        "rope.dimension_count_swa",
        "attention.layer_norm_epsilon",
        "rope.scaling.attn_factor",
        "tensor_data_layout",
        "use_parallel_residual"
    };

    private final Path path;
    private final byte[] original;
    private final int table;
    private final int data;

    public GgufMutator(Path path) throws IOException {
        this.path = path;
        this.original = Files.readAllBytes(path);
        Gguf gguf = Gguf.read(path);
        this.data = (int) gguf.dataOffset();
        String first = gguf.tensors().getFirst().name();
        String text = new String(original, 0, data, StandardCharsets.ISO_8859_1);
        this.table = text.indexOf(first) - Long.BYTES;
    }

    /** The copy of a seed. */
    public byte[] copy(long seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed * 0x9E37_79B9_7F4A_7C15L);
        return switch (random.nextInt(16)) {
            case 0 -> scribble(random, 0, 24);
            case 1, 2 -> scribble(random, 24, table);
            case 3 -> scribble(random, table, data);
            case 4 -> scribble(random, data, original.length);
            case 5 -> floods(random);
            case 6 -> Arrays.copyOf(original, random.nextInt(original.length + 1));
            case 7 -> cutOut(random);
            case 8 -> doubled(random);
            case 9, 10, 11, 12 -> values(random);
            case 13, 14 -> arrays(random);
            default -> tensors(random);
        };
    }

    private byte[] scribble(SplittableRandom random, int from, int to) {
        byte[] copy = original.clone();
        ByteBuffer bytes = ByteBuffer.wrap(copy).order(ByteOrder.LITTLE_ENDIAN);
        for (int n = random.nextInt(1, 9); n > 0; n--) {
            int at = random.nextInt(from, to - Long.BYTES + 1);
            switch (random.nextInt(4)) {
                case 0 -> copy[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> copy[at] = (byte) random.nextInt(256);
                case 2 -> bytes.putInt(at, number(random));
                default -> bytes.putLong(at, number(random));
            }
        }
        return copy;
    }

    /** A range of the data all of one value: scales and weights of NaN or infinity. */
    private byte[] floods(SplittableRandom random) {
        byte[] copy = original.clone();
        int from = random.nextInt(data, copy.length);
        int to = Math.min(copy.length, from + (1 << random.nextInt(20)));
        byte[][] patterns = {{0}, {-1}, {0x7F}, {0, 0x7C}, {0, 0x7E}, {0, 0, -128, 0x7F}};
        byte[] pattern = patterns[random.nextInt(patterns.length)];
        for (int i = from; i < to; i++) {
            copy[i] = pattern[i % pattern.length];
        }
        return copy;
    }

    private byte[] cutOut(SplittableRandom random) {
        int from = random.nextInt(random.nextBoolean() ? data : original.length);
        int length = Math.min(original.length - from, 1 << random.nextInt(16));
        byte[] copy = new byte[original.length - length];
        System.arraycopy(original, 0, copy, 0, from);
        System.arraycopy(original, from + length, copy, from, copy.length - from);
        return copy;
    }

    private byte[] doubled(SplittableRandom random) {
        int from = random.nextInt(random.nextBoolean() ? data : original.length);
        int length = Math.min(original.length - from, 1 << random.nextInt(16));
        byte[] copy = new byte[original.length + length];
        System.arraycopy(original, 0, copy, 0, from + length);
        System.arraycopy(original, from, copy, from + length, original.length - from);
        return copy;
    }

    /** Well-formed, with values of the right type that are wrong. */
    private byte[] values(SplittableRandom random) throws IOException {
        RawGguf writer = RawGguf.copyOf(path);
        GgufMetadata metadata = Gguf.read(path).metadata();
        List<String> keys = List.copyOf(metadata.asMap().keySet());
        for (int n = random.nextInt(1, 4); n > 0; n--) {
            String key = keys.get(random.nextInt(keys.size()));
            switch (random.nextInt(6)) {
                case 0 -> writer.remove(key);
                case 1 -> {
                    String prefix = metadata.string("general.architecture").orElse("llama");
                    String added = prefix + "." + KEYS[random.nextInt(KEYS.length)];
                    writer.put(added, value(random, GgufValueType.values()[random.nextInt(8)]));
                }
                case 2 -> writer.put(key, value(random, GgufValueType.values()[random.nextInt(9)]));
                default -> writer.put(key, value(random, metadata.find(key).orElseThrow()));
            }
        }
        return writer.bytes();
    }

    private static GgufValue value(SplittableRandom random, GgufValue old) {
        if (old instanceof GgufValue.Int number && random.nextBoolean()) {
            long[] near = {
                number.value() + 1,
                number.value() - 1,
                number.value() * 2,
                number.value() / 2,
                number.value() * 3,
                number.value() + 32
            };
            return new GgufValue.Int(number.type(), near[random.nextInt(near.length)]);
        }
        return value(random, old.type());
    }

    private static GgufValue value(SplittableRandom random, GgufValueType type) {
        return switch (type) {
            case BOOL -> new GgufValue.Bool(random.nextBoolean());
            case STRING -> new GgufValue.Text(TEXTS[random.nextInt(TEXTS.length)]);
            case FLOAT32, FLOAT64 -> new GgufValue.Real(type, REALS[random.nextInt(REALS.length)]);
            case ARRAY ->
                    new GgufValue.Array(GgufArray.ofNumbers(GgufValueType.INT8, 0, new byte[0]));
            default -> new GgufValue.Int(type, number(random));
        };
    }

    /** Well-formed, with arrays of other lengths, types or elements. */
    private byte[] arrays(SplittableRandom random) throws IOException {
        RawGguf writer = RawGguf.copyOf(path);
        GgufMetadata metadata = Gguf.read(path).metadata();
        List<String> keys =
                metadata.asMap().entrySet().stream()
                        .filter(e -> e.getValue() instanceof GgufValue.Array)
                        .map(java.util.Map.Entry::getKey)
                        .toList();
        String key = keys.get(random.nextInt(keys.size()));
        GgufArray array = metadata.array(key).orElseThrow();
        int size = Math.max(0, array.size() + (random.nextInt(3) == 0 ? random.nextInt(-3, 4) : 0));
        if (random.nextInt(12) == 0) {
            size = random.nextInt(3);
        }
        int changes = random.nextInt(1, 6);
        if (array.elementType() == GgufValueType.STRING) {
            RawGguf.Out out = new RawGguf.Out().i32(GgufValueType.STRING.id()).i64(size);
            for (int i = 0; i < size; i++) {
                byte[] text = array.bytes(Math.min(i, array.size() - 1));
                if (random.nextInt(size) < changes) {
                    text = text(random, text, array);
                }
                out.i64(text.length).raw(text);
            }
            writer.raw(key, GgufValueType.ARRAY.id(), out.bytes());
        } else {
            GgufValueType type =
                    random.nextInt(4) == 0
                            ? GgufValueType.values()[random.nextInt(8)]
                            : array.elementType();
            RawGguf.Out out = new RawGguf.Out().i32(type.id()).i64(size);
            for (int i = 0; i < size; i++) {
                if (type != array.elementType() || random.nextInt(size) < changes) {
                    out.value(value(random, type));
                } else if (type.isFloat()) {
                    out.real(type, array.real(Math.min(i, array.size() - 1)));
                } else {
                    out.integer(type, array.integer(Math.min(i, array.size() - 1)));
                }
            }
            writer.raw(key, GgufValueType.ARRAY.id(), out.bytes());
        }
        return writer.bytes();
    }

    private static byte[] text(SplittableRandom random, byte[] old, GgufArray others) {
        return switch (random.nextInt(6)) {
            case 0 -> others.bytes(random.nextInt(others.size()));
            case 1 -> {
                byte[] noise = new byte[random.nextInt(1, 12)];
                random.nextBytes(noise);
                yield noise;
            }
            case 2 -> Arrays.copyOf(old, old.length / 2);
            case 3 -> new byte[random.nextInt(2) == 0 ? 0 : 100_000];
            case 4 -> {
                byte[] flipped = old.clone();
                for (int i = 0; i < flipped.length; i += 3) {
                    flipped[i] ^= (byte) (1 << random.nextInt(8));
                }
                yield flipped;
            }
            default -> TEXTS[random.nextInt(TEXTS.length)].getBytes(StandardCharsets.UTF_8);
        };
    }

    /**
     * Well-formed, with tensors that are missing, renamed, swapped, or of another type or shape.
     */
    private byte[] tensors(SplittableRandom random) throws IOException {
        RawGguf writer = RawGguf.copyOf(path);
        for (int n = random.nextInt(1, 3); n > 0; n--) {
            int at = random.nextInt(writer.tensors.size());
            int to = random.nextInt(writer.tensors.size());
            RawGguf.Tensor one = writer.tensors.get(at);
            RawGguf.Tensor other = writer.tensors.get(to);
            switch (random.nextInt(6)) {
                case 0 -> writer.tensors.remove(at);
                case 1 -> {
                    writer.tensors.set(at, renamed(one, other.name()));
                    writer.tensors.set(to, renamed(other, one.name()));
                }
                case 2 -> writer.tensors.add(renamed(one, one.name() + "x"));
                case 3 -> {
                    List<Long> shape = new java.util.ArrayList<>(one.shape());
                    java.util.Collections.reverse(shape);
                    writer.tensors.set(
                            at, new RawGguf.Tensor(one.name(), one.type(), shape, one.data()));
                }
                default -> writer.tensors.set(at, retyped(one, random));
            }
        }
        return writer.bytes();
    }

    private static RawGguf.Tensor renamed(RawGguf.Tensor tensor, String name) {
        return new RawGguf.Tensor(name, tensor.type(), tensor.shape(), tensor.data());
    }

    private static RawGguf.Tensor retyped(RawGguf.Tensor tensor, SplittableRandom random) {
        GgmlType type = GgmlType.values()[random.nextInt(GgmlType.values().length)];
        if (type.isRemoved() || tensor.shape().getFirst() % type.blockSize() != 0) {
            type = GgmlType.I32;
        }
        long blocks = 1;
        for (int i = 0; i < tensor.shape().size(); i++) {
            blocks *= i == 0 ? tensor.shape().get(i) / type.blockSize() : tensor.shape().get(i);
        }
        byte[] data = Arrays.copyOf(tensor.data(), (int) (blocks * type.typeSize()));
        return new RawGguf.Tensor(tensor.name(), type.id(), tensor.shape(), data);
    }

    private static int number(SplittableRandom random) {
        return random.nextInt(3) == 0
                ? random.nextInt(2000)
                : NUMBERS[random.nextInt(NUMBERS.length)];
    }
}
