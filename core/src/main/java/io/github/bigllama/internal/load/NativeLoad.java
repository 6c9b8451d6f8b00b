package io.github.bigllama.internal.load;

import io.github.bigllama.bindings.FileName;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.bindings.llama.llama_model_kv_override;
import io.github.bigllama.bindings.llama.llama_model_params;
import io.github.bigllama.bindings.llama.llama_progress_callback;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.option.LoadMode;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.internal.llama.Devices;
import io.github.bigllama.internal.llama.LlamaLibrary;
import io.github.bigllama.internal.llama.LlamaLog;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.llama.UpcallGuard;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CancellationException;

/** Has llama.cpp load a {@code llama_model} from files that have been checked. */
final class NativeLoad {
    private NativeLoad() {}

    /**
     * Loads a model without weights, for counting the memory of its contexts.
     *
     * @param path a file whose headers have been checked
     */
    static NativeHandle withoutWeights(Path path, ModelOptions options) {
        LlamaLibrary.load();
        return run(path, ModelLoader.streaming(options), true);
    }

    /**
     * Loads a model with its weights.
     *
     * @param path a file whose headers have been checked
     * @throws ModelLoadException if llama.cpp refuses it
     * @throws CancellationException if the options' progress cancelled it
     */
    static NativeHandle run(Path path, ModelOptions options) {
        return run(path, options, false);
    }

    private static NativeHandle run(Path path, ModelOptions options, boolean withoutWeights) {
        try (Arena arena = Arena.ofConfined()) {
            Progress progress = new Progress(options);
            MemorySegment params = params(options, progress, arena);
            if (withoutWeights) {
                llama_model_params.no_alloc(params, true);
                llama_model_params.load_mode(params, LoadMode.NONE.value());
            }
            MemorySegment file = FileName.of(path.toAbsolutePath(), arena);
            LlamaLog.Result<MemorySegment> loaded =
                    LlamaLog.collect(() -> llama_h.llama_model_load_from_file(file, params));
            progress.guard.rethrow();
            if (loaded.value().equals(MemorySegment.NULL)) {
                if (progress.cancelled) {
                    throw new CancellationException("loading " + path + " was cancelled");
                }
                throw new ModelLoadException(
                        path, "llama.cpp cannot load " + path, loaded.log(), null);
            }
            return new NativeHandle("model " + path, loaded.value(), llama_h::llama_model_free);
        }
    }

    private static MemorySegment params(ModelOptions options, Progress progress, Arena arena) {
        MemorySegment params = llama_h.llama_model_default_params(arena);
        llama_model_params.load_mode(params, options.loadMode().value());
        llama_model_params.use_extra_bufts(params, options.repack());
        llama_model_params.n_gpu_layers(params, options.gpuLayers());
        llama_model_params.check_tensors(params, options.checkTensors());
        llama_model_params.vocab_only(params, options.vocabularyOnly());
        llama_model_params.load_mtp(params, options.mtp());
        if (!options.devices().isEmpty()) {
            llama_model_params.devices(params, Devices.named(options.devices(), arena));
        }
        if (!options.metadataOverrides().isEmpty()) {
            llama_model_params.kv_overrides(params, overrides(options.metadataOverrides(), arena));
        }
        // Always set, because without a callback llama.cpp prints dots.
        llama_model_params.progress_callback(
                params, llama_progress_callback.allocate(progress::report, arena));
        return params;
    }

    /** The array ends with an entry whose key is empty. */
    private static MemorySegment overrides(Map<String, Object> overrides, Arena arena) {
        MemorySegment array = llama_model_kv_override.allocateArray(overrides.size() + 1, arena);
        int i = 0;
        for (Map.Entry<String, Object> override : overrides.entrySet()) {
            MemorySegment entry = llama_model_kv_override.asSlice(array, i++);
            llama_model_kv_override.key(entry).setString(0, override.getKey());
            switch (override.getValue()) {
                case Integer value -> integer(entry, value);
                case Long value -> integer(entry, value);
                case Float value -> real(entry, value);
                case Double value -> real(entry, value);
                case Boolean value -> {
                    llama_model_kv_override.tag(entry, llama_h.LLAMA_KV_OVERRIDE_TYPE_BOOL());
                    llama_model_kv_override.val_bool(entry, value);
                }
                case String value -> {
                    llama_model_kv_override.tag(entry, llama_h.LLAMA_KV_OVERRIDE_TYPE_STR());
                    llama_model_kv_override.val_str(entry).setString(0, value);
                }
                default -> throw new AssertionError("ModelOptions lets no other types through");
            }
        }
        return array;
    }

    private static void integer(MemorySegment entry, long value) {
        llama_model_kv_override.tag(entry, llama_h.LLAMA_KV_OVERRIDE_TYPE_INT());
        llama_model_kv_override.val_i64(entry, value);
    }

    private static void real(MemorySegment entry, double value) {
        llama_model_kv_override.tag(entry, llama_h.LLAMA_KV_OVERRIDE_TYPE_FLOAT());
        llama_model_kv_override.val_f64(entry, value);
    }

    /** Calls the user's callback. */
    private static final class Progress {
        private final ModelOptions options;
        private final UpcallGuard guard = new UpcallGuard();
        private boolean cancelled;

        Progress(ModelOptions options) {
            this.options = options;
        }

        boolean report(float fraction, MemorySegment userData) {
            boolean goesOn =
                    guard.run(
                            false,
                            () ->
                                    options.progress()
                                            .map(progress -> progress.onProgress(fraction))
                                            .orElse(true));
            cancelled = !goesOn;
            return goesOn;
        }
    }
}
