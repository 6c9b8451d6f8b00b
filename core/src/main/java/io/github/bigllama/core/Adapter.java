package io.github.bigllama.core;

import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.core.option.AdapterFile;
import io.github.bigllama.internal.load.LoadedAdapter;
import java.nio.file.Path;

/**
 * A LoRA adapter or a control vector, loaded for one model by {@link LlamaModel#loadAdapter} and
 * owned by it: {@link LlamaSession#setAdapters} has a session compute with it. Thread-safe; any
 * number of sessions share it.
 *
 * <p>It is freed with its model, or earlier by {@link #close}.
 */
public final class Adapter implements AutoCloseable {
    private final ModelAdapters owner;
    private final AdapterFile options;
    private final LoadedAdapter loaded;

    /** How many sessions, embedders and rerankers use it. Guarded by the owner. */
    private int users;

    Adapter(ModelAdapters owner, AdapterFile options, LoadedAdapter loaded) {
        this.owner = owner;
        this.options = options;
        this.loaded = loaded;
    }

    /** The file that it was loaded from. */
    public Path path() {
        return options.file();
    }

    /** What it was loaded with. */
    public AdapterFile options() {
        return options;
    }

    /** {@link ModelKind#LORA_ADAPTER} or {@link ModelKind#CONTROL_VECTOR}. */
    public ModelKind kind() {
        return loaded.kind();
    }

    /** The RAM that it takes, in bytes. */
    public long sizeInBytes() {
        return loaded.bytes();
    }

    LoadedAdapter loaded() {
        return loaded;
    }

    ModelAdapters owner() {
        return owner;
    }

    int users() {
        return users;
    }

    void addUsers(int count) {
        users += count;
    }

    /**
     * Frees it. Sessions that are opened from then on begin without it. Idempotent.
     *
     * @throws IllegalStateException while a session, an embedder or a reranker uses it
     */
    @Override
    public void close() {
        owner.close(this);
    }

    /** The file. */
    @Override
    public String toString() {
        return path().toString();
    }
}
