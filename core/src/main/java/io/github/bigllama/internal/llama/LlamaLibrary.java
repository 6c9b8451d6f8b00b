package io.github.bigllama.internal.llama;

import io.github.bigllama.bindings.NativeLibrary;
import io.github.bigllama.bindings.NativeLibraryException;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.NativeLoadException;
import java.lang.foreign.MemorySegment;

/** The llama.cpp in this process, loaded by the first call that needs it. Thread-safe. */
public final class LlamaLibrary {
    private static NativeLibrary loaded;

    private LlamaLibrary() {}

    /**
     * Loads llama.cpp, if that has not happened.
     *
     * @throws NativeLoadException if there are no usable libraries; the message lists every place
     *     tried and why it failed
     */
    public static synchronized NativeLibrary load() {
        if (loaded == null) {
            requireNativeAccess();
            NativeLibrary library;
            try {
                library = NativeLibrary.load();
            } catch (NativeLibraryException e) {
                throw new NativeLoadException(e.getMessage(), e);
            }
            LlamaLog.install();
            llama_h.llama_backend_init();
            loaded = library;
        }
        return loaded;
    }

    /** Denied to this module alone, it would be missed much later, by a class that can't start. */
    @SuppressWarnings("restricted")
    private static void requireNativeAccess() {
        try {
            MemorySegment.NULL.reinterpret(0);
        } catch (IllegalCallerException e) {
            throw new NativeLoadException(
                    "Java denies native access to bigllama; start it with"
                            + " --enable-native-access=ALL-UNNAMED, or where bigllama is on the"
                            + " module path with"
                            + " --enable-native-access=io.github.bigllama.core,io.github.bigllama.bindings",
                    e);
        }
    }
}
