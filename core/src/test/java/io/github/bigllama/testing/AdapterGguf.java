package io.github.bigllama.testing;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.core.gguf.GgufWriter;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.core.option.SessionOptions;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Predicate;

/** LoRA adapters and control vectors, written where a test wants them. */
public final class AdapterGguf {
    private AdapterGguf() {}

    /** The pairs of an adapter for models of an architecture. */
    public static RawGguf lora(String architecture) {
        return new RawGguf()
                .text("general.type", "adapter")
                .text("general.architecture", architecture)
                .text("adapter.type", "lora");
    }

    /**
     * Adds to a matrix {@code b × aᵀ}: so much of b as the input is like a.
     *
     * @param a as many elements as a row has
     * @param b as many elements as there are rows
     */
    public static RawGguf rankOne(RawGguf adapter, String matrix, float[] a, float[] b) {
        tensor(adapter, matrix + ".lora_a", GgmlType.F32, List.of((long) a.length, 1L), bytes(a));
        tensor(adapter, matrix + ".lora_b", GgmlType.F32, List.of(1L, (long) b.length), bytes(b));
        return adapter;
    }

    /**
     * An adapter of rank 4 with random elements that depend only on the names.
     *
     * @param type F32 or F16
     * @param which the matrices that it changes
     * @param size of the elements
     */
    public static Path random(
            Path path, Path model, GgmlType type, Predicate<String> which, float size)
            throws IOException {
        Gguf base = Gguf.read(model);
        RawGguf adapter = lora(base.architecture().orElseThrow()).f32("adapter.lora.alpha", 4);
        for (TensorInfo tensor : base.tensors()) {
            if (which.test(tensor.name())) {
                List<Long> a = new ArrayList<>(tensor.shape());
                a.set(1, 4L);
                List<Long> b = new ArrayList<>(tensor.shape());
                b.set(0, 4L);
                uniform(adapter, tensor.name() + ".lora_a", type, a, size);
                uniform(adapter, tensor.name() + ".lora_b", type, b, size);
            }
        }
        return adapter.write(path);
    }

    private static void uniform(
            RawGguf adapter, String name, GgmlType type, List<Long> shape, float size) {
        SplittableRandom random = new SplittableRandom(name.hashCode());
        int count = Math.toIntExact(shape.stream().reduce(1L, Math::multiplyExact));
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = size * (float) (2 * random.nextDouble() - 1);
        }
        tensor(adapter, name, type, shape, type == GgmlType.F16 ? halves(values) : bytes(values));
    }

    /** Adds a tensor with these bytes. */
    public static RawGguf tensor(
            RawGguf file, String name, GgmlType type, List<Long> shape, byte[] bytes) {
        file.tensors.add(new RawGguf.Tensor(name, type.id(), shape, bytes));
        return file;
    }

    /** A control vector for a model of an architecture: what is added after each layer. */
    public static RawGguf controlVector(String architecture, Map<Integer, float[]> directions) {
        RawGguf file =
                new RawGguf()
                        .text("general.architecture", "controlvector")
                        .text("controlvector.model_hint", architecture);
        directions.forEach(
                (layer, values) ->
                        tensor(
                                file,
                                "direction." + layer,
                                GgmlType.F32,
                                List.of((long) values.length),
                                bytes(values)));
        return file;
    }

    /** A copy of a model whose output matrix is a tensor of its own. */
    public static Path untied(Path path, Path model) throws IOException {
        Gguf base = Gguf.read(model);
        GgufWriter writer = new GgufWriter();
        base.metadata().asMap().forEach(writer::put);
        try (FileChannel channel = FileChannel.open(model)) {
            for (TensorInfo tensor : base.tensors()) {
                long from = base.dataOffset() + tensor.offset();
                GgufWriter.Source source =
                        (t, out) -> channel.transferTo(from, t.size(), Channels.newChannel(out));
                writer.add(tensor.name(), tensor.type(), tensor.shape(), source);
                if (tensor.name().equals("token_embd.weight")) {
                    writer.add("output.weight", tensor.type(), tensor.shape(), source);
                }
            }
            writer.write(path, fraction -> true);
        }
        return path;
    }

    private record State(float[] embedding, float[] logits) {}

    private static State state(LlamaModel model, String country) {
        SessionOptions options = DemoModel.ONE_THREAD.withContextSize(256).withEmbeddings(true);
        try (LlamaSession session = model.newSession(options)) {
            String text =
                    DemoModel.prompt("What is the capital of %s?".formatted(country))
                            + "The capital of %s is".formatted(country);
            session.decode(model.tokenizer().encode(text));
            return new State(
                    session.embedding().toArray(ValueLayout.JAVA_FLOAT),
                    session.logits().toArray(ValueLayout.JAVA_FLOAT));
        }
    }

    /**
     * An adapter of rank 1 that changes the answer about one country's capital, and not that about
     * another's. With h the demo model's embedding after "… The capital of France is" and g that
     * after the same words about Spain, {@code a} is the part of h that is orthogonal to g, divided
     * by its length so that a·h = 1 and a·g = 0. {@code b} raises the logit of one token by its
     * distance to the largest, and one more. So with b×aᵀ added to the output matrix, that token
     * follows about France, and the same as before about Spain.
     *
     * @param model an {@link #untied} copy of the demo model
     * @param word the token that is to follow
     */
    public static Path oneAnswer(Path path, LlamaModel model, String about, String not, String word)
            throws IOException {
        State state = state(model, about);
        float[] h = state.embedding();
        float[] g = state(model, not).embedding();
        double share = dot(h, g) / dot(g, g);
        float[] a = new float[h.length];
        for (int i = 0; i < a.length; i++) {
            a[i] = (float) (h[i] - share * g[i]);
        }
        double length = dot(a, h);
        for (int i = 0; i < a.length; i++) {
            a[i] /= (float) length;
        }
        int token = model.tokenizer().encode(word)[0];
        float most = Float.NEGATIVE_INFINITY;
        for (float logit : state.logits()) {
            most = Math.max(most, logit);
        }
        float[] b = new float[model.vocabularySize()];
        b[token] = most - state.logits()[token] + 1;
        return rankOne(lora("llama").f32("adapter.lora.alpha", 1), "output.weight", a, b)
                .write(path);
    }

    private static double dot(float[] x, float[] y) {
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            sum += x[i] * y[i];
        }
        return sum;
    }

    /** An array of u32 in the metadata. */
    public static RawGguf u32s(RawGguf file, String key, int... values) {
        RawGguf.Out out = new RawGguf.Out();
        out.i32(GgufValueType.UINT32.id()).i64(values.length);
        for (int value : values) {
            out.i32(value);
        }
        return file.raw(key, GgufValueType.ARRAY.id(), out.bytes());
    }

    private static byte[] bytes(float[] values) {
        ByteBuffer buffer =
                ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        buffer.asFloatBuffer().put(values);
        return buffer.array();
    }

    private static byte[] halves(float[] values) {
        ByteBuffer buffer =
                ByteBuffer.allocate(values.length * Short.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            buffer.putShort(Float.floatToFloat16(value));
        }
        return buffer.array();
    }

    /** A value of metadata that is not of the usual type. */
    public static GgufValue u32(long value) {
        return new GgufValue.Int(GgufValueType.UINT32, value);
    }
}
