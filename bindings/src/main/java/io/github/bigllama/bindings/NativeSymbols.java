package io.github.bigllama.bindings;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Looks up the functions of llama.cpp for the generated classes. Java ties a library to the class
 * loader that loaded it; another class loader, such as that of a second or redeployed web
 * application, finds the same copy through the dynamic linker.
 */
public final class NativeSymbols {
    private static final List<SymbolLookup> SHARED = new CopyOnWriteArrayList<>();

    private NativeSymbols() {}

    /** A lookup for functions of the loaded libraries. */
    public static SymbolLookup lookup() {
        return SymbolLookup.loaderLookup().or(NativeSymbols::shared);
    }

    /**
     * Loads a library, or shares it with the class loader that has loaded it.
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
            // Never closed, because threads of llama.cpp may run in it.
            SHARED.add(SymbolLookup.libraryLookup(file, Arena.global()));
        }
    }

    private static Optional<MemorySegment> shared(String name) {
        return SHARED.stream().flatMap(lookup -> lookup.find(name).stream()).findFirst();
    }
}
