package io.github.bigllama.core.gguf;

import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.internal.text.Text;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads the key-value pairs by the rules of gguf_init_from_reader in gguf.cpp. */
final class MetadataParser {
    /** The fewest bytes of a pair: a key of one byte, a type, a value of one byte. */
    static final int MIN_PAIR = 8 + 1 + 4 + 1;

    // gguf.cpp compares each key with all earlier ones, which takes minutes far beyond this number.
    static final int MAX_PAIRS = 65_536;

    // The format allows arrays of arrays. Each one is an object here, so their number and depth are
    // limited.
    private static final int MAX_DEPTH = 4;
    private static final int MAX_NESTED = 1 << 20;

    private final String file;
    private final GgufInput in;
    private int nested;

    MetadataParser(String file, GgufInput in) {
        this.file = file;
        this.in = in;
    }

    Map<String, GgufValue> read(long count) {
        Map<String, GgufValue> values = new LinkedHashMap<>();
        for (long i = 0; i < count; i++) {
            long at = in.position();
            String key = key(i, count, at);
            GgufValue value = value(type("the type of '" + Text.shorten(key) + "'"), key);
            if (values.put(key, value) != null) {
                throw damaged(at, "has the metadata key " + Text.quote(key) + " twice");
            }
        }
        return values;
    }

    private String key(long index, long count, long at) {
        byte[] bytes = in.string("metadata key " + (index + 1) + " of " + count);
        if (bytes.length == 0) {
            throw damaged(at, "metadata key " + (index + 1) + " of " + count + " is empty");
        }
        for (byte b : bytes) {
            if (b == 0) {
                // llama.cpp compares keys as C strings, and would see a different key.
                throw damaged(
                        at,
                        "metadata key "
                                + Text.quote(Text.decodeName(bytes))
                                + " contains a NUL character");
            }
        }
        return Text.decodeName(bytes);
    }

    private GgufValueType type(String what) {
        long at = in.position();
        int id = in.i32(what);
        return GgufValueType.ofId(id)
                .orElseThrow(() -> damaged(at, what + " is " + id + ", which must be 0 to 12"));
    }

    private GgufValue value(GgufValueType type, String key) {
        String what = "the value of " + Text.quote(key);
        return switch (type) {
            case STRING -> new GgufValue.Text(new String(in.string(what), StandardCharsets.UTF_8));
            case ARRAY -> new GgufValue.Array(array(key, 0));
            case BOOL -> new GgufValue.Bool(in.bytes(1, what)[0] != 0);
            case FLOAT32, FLOAT64 -> {
                byte[] bytes = in.numbers(1, type.size(), what);
                yield new GgufValue.Real(type, GgufArray.ofNumbers(type, 1, bytes).real(0));
            }
            case UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64 -> {
                byte[] bytes = in.numbers(1, type.size(), what);
                yield new GgufValue.Int(type, GgufArray.ofNumbers(type, 1, bytes).integer(0));
            }
        };
    }

    private GgufArray array(String key, int depth) {
        String what = Text.quote(key);
        GgufValueType type = type("the element type of " + what);
        long at = in.position();
        String counted = "the number of elements of " + what;
        if (type == GgufValueType.STRING) {
            return strings(in.length(counted, 8), what);
        }
        if (type != GgufValueType.ARRAY) {
            long count = in.length(counted, type.size());
            byte[] bytes = in.numbers(count, type.size(), what);
            return GgufArray.ofNumbers(type, (int) count, bytes);
        }
        long count = in.length(counted, 4 + 8);
        nested += (int) Math.min(count, MAX_NESTED + 1);
        if (depth == MAX_DEPTH || nested > MAX_NESTED) {
            throw damaged(at, what + " holds more arrays of arrays than any model has");
        }
        List<GgufArray> arrays = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            arrays.add(array(key, depth + 1));
        }
        return GgufArray.ofArrays(arrays);
    }

    private GgufArray strings(long count, String what) {
        int[] starts = new int[(int) count + 1];
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        for (int i = 0; i < count; i++) {
            text.writeBytes(in.string("string " + i + " of " + what));
            starts[i + 1] = text.size();
        }
        return GgufArray.ofStrings(text.toByteArray(), starts);
    }

    private GgufException damaged(long at, String what) {
        return new GgufException(
                Problem.DAMAGED,
                file,
                at,
                what + " (at byte " + at + "); the file is damaged: copy or download it again");
    }
}
