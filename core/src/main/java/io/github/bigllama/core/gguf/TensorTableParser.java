package io.github.bigllama.core.gguf;

import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.internal.text.Text;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Reads the tensor table by the rules of gguf_init_from_reader in gguf.cpp. */
final class TensorTableParser {
    /** The fewest bytes of a row: an empty name, no dimensions, a type, an offset. */
    static final int MIN_ROW = 8 + 4 + 4 + 8;

    // gguf.cpp compares each name with all earlier ones, which takes minutes far beyond this
    // number.
    static final int MAX_TENSORS = 100_000;

    // GGML_MAX_NAME, including the terminating NUL.
    private static final int MAX_NAME = 64;

    private final String file;
    private final GgufInput in;
    private final int alignment;

    TensorTableParser(String file, GgufInput in, int alignment) {
        this.file = file;
        this.in = in;
        this.alignment = alignment;
    }

    List<TensorInfo> read(long count) {
        List<TensorInfo> tensors = new ArrayList<>();
        Map<String, Integer> seen = new HashMap<>();
        long expected = 0;
        for (int i = 0; i < count; i++) {
            long at = in.position();
            TensorInfo tensor = row(i, count);
            Integer other = seen.putIfAbsent(tensor.name(), i);
            if (other != null) {
                throw damaged(
                        at,
                        String.format(
                                Locale.ROOT,
                                "tensors %d and %d are both named %s",
                                other + 1,
                                i + 1,
                                Text.quote(tensor.name())));
            }
            if (tensor.offset() != expected) {
                throw wrongOffset(at, tensor, expected);
            }
            expected = next(at, tensor);
            tensors.add(tensor);
        }
        return tensors;
    }

    private TensorInfo row(int index, long count) {
        String which = "tensor " + (index + 1) + " of " + count;
        long at = in.position();
        String name = name(which, at);
        String what = "tensor " + Text.quote(name);

        long dimensions = in.u32("the number of dimensions of " + what);
        if (dimensions > TensorInfo.MAX_DIMENSIONS) {
            throw damaged(at, what + " has " + dimensions + " dimensions, at most 4 are possible");
        }
        List<Long> shape = new ArrayList<>();
        for (int i = 0; i < dimensions; i++) {
            shape.add(in.i64("dimension " + (i + 1) + " of " + what));
        }
        GgmlType type = type(what);
        long size = size(at, what, type, shape);
        long offset = in.i64("the offset of " + what);
        return new TensorInfo(name, type, shape, offset, size);
    }

    private String name(String which, long at) {
        byte[] bytes = in.string("the name of " + which);
        if (bytes.length >= MAX_NAME) {
            throw damaged(
                    at,
                    String.format(
                            Locale.ROOT,
                            "the name of %s has %d bytes, at most %d are possible",
                            which,
                            bytes.length,
                            MAX_NAME - 1));
        }
        for (byte b : bytes) {
            if (b == 0) {
                // llama.cpp cuts the name there, and would see a different tensor.
                throw damaged(at, "the name of " + which + " contains a NUL character");
            }
        }
        return Text.decodeName(bytes);
    }

    private GgmlType type(String what) {
        long at = in.position();
        int id = in.i32("the type of " + what);
        GgmlType type =
                GgmlType.ofId(id)
                        .orElseThrow(
                                () ->
                                        damaged(
                                                at,
                                                String.format(
                                                        Locale.ROOT,
                                                        "%s has type %d, which llama.cpp does not know",
                                                        what,
                                                        id)));
        if (type.isRemoved()) {
            throw new GgufException(
                    Problem.UNUSABLE,
                    file,
                    at,
                    "%s has type %s, which llama.cpp no longer reads; %s"
                            .formatted(what, type.label(), type.removedBecause().orElseThrow()));
        }
        return type;
    }

    private long size(long at, String what, GgmlType type, List<Long> shape) {
        long row = shape.isEmpty() ? 1 : shape.getFirst();
        for (long n : shape) {
            if (n < 0) {
                throw damaged(at, what + " has a negative dimension: " + shape);
            }
        }
        if (row % type.blockSize() != 0) {
            throw damaged(
                    at,
                    String.format(
                            Locale.ROOT,
                            "%s of type %s has rows of %d elements, not a multiple of %d",
                            what,
                            type.label(),
                            row,
                            type.blockSize()));
        }
        long bytes = row / type.blockSize();
        try {
            bytes = Math.multiplyExact(bytes, type.typeSize());
            // ggml counts the elements in 64 bits.
            long elements = row;
            for (long n : shape.subList(Math.min(1, shape.size()), shape.size())) {
                bytes = Math.multiplyExact(bytes, n);
                elements = Math.multiplyExact(elements, n);
            }
            return bytes;
        } catch (ArithmeticException e) {
            throw damaged(at, what + " has too many elements for 64 bits: " + shape);
        }
    }

    /** Where the next tensor has to start: tensors are contiguous, each with its padding. */
    private long next(long at, TensorInfo tensor) {
        long end = tensor.offset() + tensor.size();
        long padded = end + (alignment - 1L) & -(long) alignment;
        if (end < 0 || padded < 0) {
            throw damaged(
                    at, "the tensors up to " + Text.quote(tensor.name()) + " exceed 2^63 bytes");
        }
        return padded;
    }

    private GgufException wrongOffset(long at, TensorInfo tensor, long expected) {
        String offset = Long.toUnsignedString(tensor.offset());
        String why;
        if (tensor.offset() % alignment != 0) {
            why = "is not aligned to " + alignment + " bytes";
        } else if (tensor.offset() >= 0 && tensor.offset() < expected) {
            why = "overlaps the data before it, which ends at " + expected;
        } else {
            why = "leaves a gap after the data before it, which ends at " + expected;
        }
        return damaged(
                at,
                "tensor " + Text.quote(tensor.name()) + " at data offset " + offset + " " + why);
    }

    private GgufException damaged(long at, String what) {
        return new GgufException(
                Problem.DAMAGED,
                file,
                at,
                what + " (at byte " + at + "); the file is damaged: copy or download it again");
    }
}
