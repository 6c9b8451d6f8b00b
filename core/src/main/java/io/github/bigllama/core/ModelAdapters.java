package io.github.bigllama.core;

import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.core.option.AdapterFile;
import io.github.bigllama.internal.engine.Adapters;
import io.github.bigllama.internal.load.AdapterLoader;
import io.github.bigllama.internal.load.LoadedAdapter;
import io.github.bigllama.internal.load.ModelLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** The adapters of a model. Thread-safe. */
final class ModelAdapters {
    private final Path path;
    private final AdapterLoader loader;
    private final List<Adapter> all = new ArrayList<>();

    /** What sessions begin with, and the scales. */
    private final Map<Adapter, Float> defaults = new LinkedHashMap<>();

    ModelAdapters(Path path, ModelLoader.Loaded loaded) {
        this.path = path;
        this.loader = new AdapterLoader(path, loaded);
    }

    /** Adapters in use, which can't be closed until {@link #release}. */
    record Use(Map<Adapter, Float> scales, Adapters adapters) {}

    /**
     * Loads an adapter.
     *
     * @param ownBytes bytes of memory that hold weights and can be given back
     */
    synchronized Adapter load(AdapterFile file, long ownBytes) {
        int pairs = all.stream().mapToInt(adapter -> adapter.loaded().pairs()).sum();
        Adapter adapter = new Adapter(this, file, loader.load(file, pairs, ownBytes));
        all.add(adapter);
        return adapter;
    }

    /** Checks an adapter that llama.cpp's server will load itself; tells its kind. */
    ModelKind check(AdapterFile file) {
        return loader.check(file);
    }

    /** Has sessions begin with an adapter, with the scale of its options. */
    synchronized void byDefault(Adapter adapter) {
        defaults.put(adapter, adapter.options().scale());
    }

    /** What sessions begin with, and the scales. */
    synchronized Map<Adapter, Float> defaults() {
        return Collections.unmodifiableMap(new LinkedHashMap<>(defaults));
    }

    /**
     * Notes that adapters are used.
     *
     * @throws IllegalArgumentException if one is of another model, or a scale is not a number
     * @throws IllegalStateException if one is closed
     */
    synchronized Use use(Map<Adapter, Float> scales) {
        Map<Adapter, Float> copy = new LinkedHashMap<>(Objects.requireNonNull(scales, "adapters"));
        Map<LoadedAdapter, Float> loaded = new LinkedHashMap<>();
        copy.forEach(
                (adapter, scale) -> {
                    Objects.requireNonNull(adapter, "adapter");
                    // Which checks it.
                    adapter.options().withScale(Objects.requireNonNull(scale, "scale"));
                    if (adapter.owner() != this) {
                        throw new IllegalArgumentException(
                                "adapter %s was loaded for another model than the session's, %s; load it with LlamaModel.loadAdapter of that one"
                                        .formatted(adapter, path));
                    }
                    if (adapter.loaded().isClosed()) {
                        throw new IllegalStateException("adapter " + adapter + " is closed");
                    }
                    loaded.put(adapter.loaded(), scale);
                });
        copy.keySet().forEach(adapter -> adapter.addUsers(1));
        return new Use(Collections.unmodifiableMap(copy), Adapters.of(loaded));
    }

    /** Notes that adapters are used no longer: no context computes with them. */
    synchronized void release(Use use) {
        use.scales().keySet().forEach(adapter -> adapter.addUsers(-1));
    }

    /** Frees an adapter, unless it is used. */
    synchronized void close(Adapter adapter) {
        if (adapter.users() > 0) {
            throw new IllegalStateException(
                    String.format(
                            Locale.ROOT,
                            "adapter %s is in use, by %d of the sessions, embedders and rerankers; close them, or give sessions other adapters first",
                            adapter,
                            adapter.users()));
        }
        adapter.loaded().close();
        all.remove(adapter);
        defaults.remove(adapter);
    }

    /** Frees all, when no session is open any more. */
    synchronized void close() {
        all.forEach(adapter -> adapter.loaded().close());
        all.clear();
        defaults.clear();
    }
}
