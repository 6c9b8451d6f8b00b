package io.github.bigllama.core.option;

import io.github.bigllama.bindings.llama.llama_h;
import java.util.function.IntSupplier;

/** How the weights come into memory ({@code llama_load_mode}). */
public enum LoadMode {
    /**
     * Maps the file, where the devices support it. If the model does not fit into RAM, bigllama
     * chooses which weights stay in it; see {@link ModelOptions#ram()}.
     */
    AUTO("auto", llama_h::LLAMA_LOAD_MODE_AUTO),
    /** Reads the whole file into anonymous memory; the model must fit into RAM. */
    NONE("none", llama_h::LLAMA_LOAD_MODE_NONE),
    /**
     * Maps the file, and lets the system decide which of its pages are in RAM: a model that does
     * not fit runs at a fraction of the speed.
     */
    MMAP("mmap", llama_h::LLAMA_LOAD_MODE_MMAP),
    /** Like {@link #NONE}, and keeps the memory from being swapped out. */
    MLOCK("mlock", llama_h::LLAMA_LOAD_MODE_MLOCK),
    /** Maps the file and locks every page of it; the model must fit into RAM. */
    MMAP_MLOCK("mmap+mlock", llama_h::LLAMA_LOAD_MODE_MMAP_MLOCK),
    /** Like {@link #NONE}, bypassing the page cache where the file system allows it. */
    DIRECT_IO("direct-io", llama_h::LLAMA_LOAD_MODE_DIRECT_IO);

    private final String label;

    /** Read on first use: llama.cpp's constants are not available before the library is loaded. */
    private final IntSupplier value;

    LoadMode(String label, IntSupplier value) {
        this.label = label;
        this.value = value;
    }

    /** The constant of {@code llama_load_mode}. */
    public int value() {
        return value.getAsInt();
    }

    /** The name as users type it, for example {@code mmap+mlock}. */
    @Override
    public String toString() {
        return label;
    }
}
