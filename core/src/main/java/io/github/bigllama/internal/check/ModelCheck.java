package io.github.bigllama.internal.check;

import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.core.gguf.ModelFiles;
import java.nio.ByteOrder;
import java.util.Map;

/**
 * Refuses models that would crash llama.cpp v0.5.0: it reports most errors in a file, but on some
 * well-formed values it asserts, divides by zero or jumps to NULL, which ends the process and the
 * JVM with it.
 *
 * <p>Each rule names the place in llama.cpp that it guards, and refuses nothing that llama.cpp
 * would run. Errors that llama.cpp reports itself are left to it.
 */
public final class ModelCheck {
    private ModelCheck() {}

    /**
     * Checks a model.
     *
     * @throws GgufException if the model would crash llama.cpp
     */
    public static void check(ModelFiles files) {
        check(files, Map.of());
    }

    /**
     * Checks a model with metadata overrides, which can make an invalid file valid, and the other
     * way round.
     *
     * @param overrides {@link Integer}, {@link Long}, {@link Float}, {@link Double}, {@link
     *     Boolean} or {@link String} by key, as in llama.cpp's {@code kv_overrides}
     * @throws GgufException if the model would crash llama.cpp
     */
    public static void check(ModelFiles files, Map<String, ?> overrides) {
        files.parts().forEach(ModelCheck::requireByteOrder);
        Hyperparameters values = Hyperparameters.of(files, overrides);
        new ArchitectureCheck(files, values).check();
        new VocabularyCheck(values).check();
        new LayerCheck(files, values).check();
        files.parts().forEach(part -> new TensorCheck(part, values).check());
    }

    /** As {@link #check}, for a file that has a vocabulary and no weights. */
    public static void checkVocabulary(ModelFiles files, Map<String, ?> overrides) {
        files.parts().forEach(ModelCheck::requireByteOrder);
        new VocabularyCheck(Hyperparameters.of(files, overrides)).check();
    }

    /** llama.cpp reads numbers in the byte order of the machine. */
    public static void requireByteOrder(Gguf file) {
        if (file.byteOrder() != ByteOrder.nativeOrder()) {
            throw new GgufException(
                    Problem.BYTE_ORDER,
                    file.file(),
                    "is a big-endian GGUF file; this machine is little-endian: convert the model"
                            + " again or find it for x86-64 or arm64");
        }
    }
}
