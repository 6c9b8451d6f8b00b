package io.github.bigllama.bindings;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Where the generated classes find the functions of llama.cpp. Java ties a library to the class
 * loader that loaded it; another one, of a second web application or of one that was deployed
 * again, finds the same copy by the dynamic linker.
 */
public final class NativeSymbols {
    private static final List<SymbolLookup> SHARED = new CopyOnWriteArrayList<>();

    private NativeSymbols() {}

    /** Finds functions of the libraries that were loaded. */
    public static SymbolLookup lookup() {
        return SymbolLookup.loaderLookup().or(NativeSymbols::shared);
    }

    /**
     * Loads a library, or shares it with the class loader that has it.
     *
     * @throws UnsatisfiedLinkError if it can't be loaded
     */
    @SuppressWarnings("restricted")
    static void load(Path file) {
        try {
            System.load(file.toString());
        } catch (UnsatisfiedLinkError e) {
            if (!String.valueOf(e.getMessage()).contains("already loaded in another classloader")) {
                throw e;
            }
            // Never closed: threads of llama.cpp may be in it.
            SHARED.add(SymbolLookup.libraryLookup(file, Arena.global()));
        }
    }

    private static Optional<MemorySegment> shared(String name) {
        return SHARED.stream().flatMap(lookup -> lookup.find(name).stream()).findFirst();
    }
}
