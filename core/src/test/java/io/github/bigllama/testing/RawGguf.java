package io.github.bigllama.testing;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufArray;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.core.gguf.TensorInfo;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes GGUF files for tests, wrong ones too: nothing is checked. The lists are there to be
 * changed.
 */
public final class RawGguf {
    /** A pair with its value already in bytes, without the type id in front. */
    public record Pair(String key, int type, byte[] value) {}

    /** A tensor; its offset follows from those before it. */
    public record Tensor(String name, int type, List<Long> shape, byte[] data) {}

    public final List<Pair> pairs = new ArrayList<>();
    public final List<Tensor> tensors = new ArrayList<>();
    public int version = 3;
    public int alignment = 32;
    private final ByteOrder order;

    public RawGguf() {
        this(ByteOrder.LITTLE_ENDIAN);
    }

    public RawGguf(ByteOrder order) {
        this.order = order;
    }

    /** A writer that would write the file again, byte for byte. */
    public static RawGguf copyOf(Path path) throws IOException {
        byte[] bytes = Files.readAllBytes(path);
        Gguf gguf = Gguf.read(path);
        RawGguf writer = new RawGguf();
        writer.version = gguf.version();
        writer.alignment = gguf.alignment();
        gguf.metadata().asMap().forEach(writer::put);
        for (TensorInfo t : gguf.tensors()) {
            int at = (int) (gguf.dataOffset() + t.offset());
            byte[] data = new byte[(int) t.size()];
            System.arraycopy(bytes, at, data, 0, data.length);
            writer.tensors.add(new Tensor(t.name(), t.type().id(), t.shape(), data));
        }
        return writer;
    }

    public RawGguf u32(String key, long value) {
        return put(key, new GgufValue.Int(GgufValueType.UINT32, value));
    }

    public RawGguf text(String key, String value) {
        return put(key, new GgufValue.Text(value));
    }

    public RawGguf f32(String key, float value) {
        return put(key, new GgufValue.Real(GgufValueType.FLOAT32, value));
    }

    public RawGguf strings(String key, List<String> values) {
        Out out = new Out(order).i32(GgufValueType.STRING.id()).i64(values.size());
        values.forEach(out::text);
        return raw(key, GgufValueType.ARRAY.id(), out.bytes());
    }

    public RawGguf i32s(String key, List<Integer> values) {
        Out out = new Out(order).i32(GgufValueType.INT32.id()).i64(values.size());
        values.forEach(out::i32);
        return raw(key, GgufValueType.ARRAY.id(), out.bytes());
    }

    /** Adds a pair, or replaces the value of its key where it is. */
    public RawGguf put(String key, GgufValue value) {
        return raw(key, value.type().id(), new Out(order).value(value).bytes());
    }

    public RawGguf raw(String key, int type, byte[] value) {
        Pair pair = new Pair(key, type, value);
        for (int i = 0; i < pairs.size(); i++) {
            if (pairs.get(i).key().equals(key)) {
                pairs.set(i, pair);
                return this;
            }
        }
        pairs.add(pair);
        return this;
    }

    public RawGguf remove(String key) {
        pairs.removeIf(pair -> pair.key().equals(key));
        return this;
    }

    public RawGguf tensor(String name, GgmlType type, Long... shape) {
        long size = type.typeSize();
        for (int i = 0; i < shape.length; i++) {
            size *= i == 0 ? shape[i] / type.blockSize() : shape[i];
        }
        tensors.add(new Tensor(name, type.id(), List.of(shape), new byte[(int) size]));
        return this;
    }

    public byte[] bytes() {
        Out out = new Out(order).raw("GGUF".getBytes(StandardCharsets.US_ASCII)).i32(version);
        out.i64(tensors.size()).i64(pairs.size());
        for (Pair pair : pairs) {
            out.text(pair.key()).i32(pair.type()).raw(pair.value());
        }
        long offset = 0;
        for (Tensor tensor : tensors) {
            out.text(tensor.name()).i32(tensor.shape().size());
            tensor.shape().forEach(out::i64);
            out.i32(tensor.type()).i64(offset);
            offset += padded(tensor.data().length);
        }
        if (!tensors.isEmpty()) {
            out.pad(alignment);
        }
        for (Tensor tensor : tensors) {
            out.raw(tensor.data()).pad(alignment);
        }
        return out.bytes();
    }

    public Path write(Path path) throws IOException {
        return Files.write(path, bytes());
    }

    private long padded(long size) {
        return (size + alignment - 1) / alignment * alignment;
    }

    /** Bytes, little-endian if nothing else is said. */
    public static final class Out {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();
        private final ByteOrder order;

        public Out() {
            this(ByteOrder.LITTLE_ENDIAN);
        }

        public Out(ByteOrder order) {
            this.order = order;
        }

        public Out raw(byte[] bytes) {
            out.writeBytes(bytes);
            return this;
        }

        public Out i32(int value) {
            return raw(ordered(4).putInt(value).array());
        }

        public Out i64(long value) {
            return raw(ordered(8).putLong(value).array());
        }

        public Out text(String text) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            return i64(bytes.length).raw(bytes);
        }

        public Out pad(int alignment) {
            int rest = out.size() % alignment;
            return rest == 0 ? this : raw(new byte[alignment - rest]);
        }

        public Out value(GgufValue value) {
            return switch (value) {
                case GgufValue.Text text -> text(text.value());
                case GgufValue.Bool bool -> raw(new byte[] {(byte) (bool.value() ? 1 : 0)});
                case GgufValue.Int number -> integer(number.type(), number.value());
                case GgufValue.Real number -> real(number.type(), number.value());
                case GgufValue.Array array -> array(array.value());
            };
        }

        public Out integer(GgufValueType type, long value) {
            byte[] all = ordered(8).putLong(value).array();
            int size = type.size();
            out.write(all, order == ByteOrder.LITTLE_ENDIAN ? 0 : all.length - size, size);
            return this;
        }

        public Out real(GgufValueType type, double value) {
            return type == GgufValueType.FLOAT32
                    ? i32(Float.floatToRawIntBits((float) value))
                    : i64(Double.doubleToRawLongBits(value));
        }

        public Out array(GgufArray array) {
            i32(array.elementType().id()).i64(array.size());
            for (int i = 0; i < array.size(); i++) {
                switch (array.elementType()) {
                    case STRING -> i64(array.bytes(i).length).raw(array.bytes(i));
                    case BOOL -> raw(new byte[] {(byte) (array.bool(i) ? 1 : 0)});
                    case FLOAT32, FLOAT64 -> real(array.elementType(), array.real(i));
                    case ARRAY -> array(array.array(i));
                    default -> integer(array.elementType(), array.integer(i));
                }
            }
            return this;
        }

        private ByteBuffer ordered(int size) {
            return ByteBuffer.allocate(size).order(order);
        }

        public byte[] bytes() {
            return out.toByteArray();
        }
    }
}
