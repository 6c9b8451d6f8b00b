package io.github.bigllama.bindings;

import java.nio.file.Path;
import java.util.List;

/**
 * The loaded native library: llama.cpp and ggml, and where they came from. The description of the
 * package lists the places that are searched.
 *
 * @param origin the kind of place that the libraries came from
 * @param directory the directory of the library files
 * @param version llama.cpp's release, such as {@code v0.5.0}
 * @param flavour {@code local} (tuned to the CPU of the machine that built it), {@code portable}
 *     (chooses its code by the CPU at run time), or {@code unknown} if there is no manifest
 * @param platform the platform, such as {@code linux-x86_64}
 * @param cpuFeatures the CPU features that the libraries need; empty if they need none, or there is
 *     no manifest
 */
public record NativeLibrary(
        Origin origin,
        Path directory,
        String version,
        String flavour,
        String platform,
        List<String> cpuFeatures) {

    /** The kind of place that the library came from. */
    public enum Origin {
        /**
         * The directory given by {@code bigllama.library.path} or {@code BIGLLAMA_LIBRARY_PATH}.
         */
        OVERRIDE,
        /** The native jar, extracted to the user's cache. */
        JAR,
        /** A llama.cpp installed on the system. */
        SYSTEM
    }

    /**
     * The release that the generated classes fit; another release may have different layouts, which
     * nothing would detect.
     */
    static final String PINNED_VERSION = "v0.5.0";

    static final String PINNED_TREE = "fd570ef54b10ec5fecb739e7e04c8ce44a6f415a";

    private static NativeLibrary loaded;
    private static NativeLibraryException failure;

    /** Keeps a copy of the list. */
    public NativeLibrary {
        cpuFeatures = List.copyOf(cpuFeatures);
    }

    /**
     * Loads the native library in the first call; later calls return the same object. Thread-safe.
     *
     * @return the loaded library
     * @throws NativeLibraryException if no library can be loaded, with every place that was tried.
     *     Libraries cannot be unloaded, so a second call does not try again: it throws the same
     *     message, with the first exception as its cause
     */
    public static synchronized NativeLibrary load() {
        if (failure != null) {
            throw new NativeLibraryException(failure.getMessage(), failure);
        }
        if (loaded == null) {
            try {
                loaded = new NativeLoader(LoaderSettings.fromEnvironment()).load();
            } catch (NativeLibraryException e) {
                failure = e;
                throw e;
            }
        }
        return loaded;
    }

    /**
     * The folder for data that can be recreated: the system property {@code bigllama.cache}, else
     * the environment variable {@code BIGLLAMA_CACHE}, else the user's cache folder. It may not
     * exist yet.
     */
    public static Path userCache() {
        return LoaderSettings.fromEnvironment().cache();
    }
}
