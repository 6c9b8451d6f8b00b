package io.github.bigllama.internal.llama;

import io.github.bigllama.bindings.NativeLibrary;
import io.github.bigllama.bindings.NativeLibraryException;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.NativeLoadException;
import io.github.bigllama.internal.pagecache.NativeAccess;

/** The llama.cpp in this process, loaded by the first call that needs it. Thread-safe. */
public final class LlamaLibrary {
    /**
     * A string literal is the same object for all class loaders with a copy of this class: one at a
     * time adds itself to the shared log.
     */
    private static final Object ALL_COPIES = "io.github.bigllama.internal.llama.LlamaLibrary";

    private static NativeLibrary loaded;

    private LlamaLibrary() {}

    /**
     * Loads llama.cpp, unless it has been loaded already.
     *
     * @throws NativeLoadException if there are no usable libraries; the message lists every place
     *     tried and why it failed
     */
    public static synchronized NativeLibrary load() {
        if (loaded == null) {
            NativeAccess.require();
            synchronized (ALL_COPIES) {
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
        }
        return loaded;
    }
}
