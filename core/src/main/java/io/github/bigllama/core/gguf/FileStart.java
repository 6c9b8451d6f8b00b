package io.github.bigllama.core.gguf;

import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.internal.text.Text;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * The first eight bytes of a GGUF file: the magic and the version. Files that start differently are
 * named in the error.
 */
final class FileStart {
    private static final int MIN_VERSION = 2;
    private static final int MAX_VERSION = 3;

    private FileStart() {}

    /** Reads the version, 2 or 3, and sets the byte order of the input to that of the file. */
    static int readVersion(String file, GgufInput in) {
        if (in.size() == 0) {
            throw new GgufException(
                    Problem.TRUNCATED, file, 0, "is empty (0 bytes); copy or download it again");
        }
        byte[] magic = in.bytes(Math.min(4, in.size()), "the magic");
        String start = new String(magic, StandardCharsets.ISO_8859_1);
        if (!start.equals("GGUF")) {
            throw new GgufException(
                    Problem.NOT_GGUF,
                    file,
                    0,
                    "is not a GGUF file: it starts with %s, instead of 47 47 55 46 (\"GGUF\")%s"
                            .formatted(Text.bytes(magic, magic.length), hint(start)));
        }
        long at = in.position();
        int version = in.i32("the version");
        if (version >= MIN_VERSION && version <= MAX_VERSION) {
            return version;
        }
        int swapped = Integer.reverseBytes(version);
        if (swapped >= MIN_VERSION && swapped <= MAX_VERSION) {
            in.order(ByteOrder.BIG_ENDIAN);
            return swapped;
        }
        throw new GgufException(
                Problem.UNSUPPORTED_VERSION,
                file,
                at,
                version == 1
                        ? "is a GGUF file of version 1, which llama.cpp no longer reads; find or "
                                + "convert a newer file"
                        : String.format(
                                Locale.ROOT,
                                "has GGUF version %s (at byte %d), supported are %d and %d; it is damaged or newer than this library",
                                Integer.toUnsignedString(version),
                                at,
                                MIN_VERSION,
                                MAX_VERSION));
    }

    private static String hint(String start) {
        return switch (start) {
            case "lmgg", "fmgg", "tjgg", "algg" ->
                    "; it is in a GGML format older than GGUF: find or convert a newer file";
            case "FUGG" -> "; its bytes are swapped: it was written for big-endian machines";
            case "PK\3\4" -> "; it is a ZIP archive or a PyTorch checkpoint";
            case "vers" -> "; it is a Git LFS pointer: fetch the model itself with 'git lfs pull'";
            case "<!DO", "<!do", "<htm" -> "; it is a web page, not the download itself";
            case "\0\0\0\0" -> "; it starts with zeros, as an unfinished download does";
            default -> "";
        };
    }
}
