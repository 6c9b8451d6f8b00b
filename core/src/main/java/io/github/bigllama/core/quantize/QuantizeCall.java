package io.github.bigllama.core.quantize;

import io.github.bigllama.bindings.FileName;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.bindings.llama.llama_model_imatrix_data;
import io.github.bigllama.bindings.llama.llama_model_kv_override;
import io.github.bigllama.bindings.llama.llama_model_quantize_params;
import io.github.bigllama.bindings.llama.llama_model_tensor_override;
import io.github.bigllama.core.residency.AvailableRam;
import io.github.bigllama.internal.llama.LlamaLibrary;
import io.github.bigllama.internal.llama.LlamaLog;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Calls llama_model_quantize. It reports its progress only through its log, on the calling thread:
 * one text before each tensor, and one after it.
 *
 * <p>It can't be cancelled either. But it reads {@code dry_run} in the caller's struct again for
 * each tensor, and a dry run only adds up sizes: if the flag is set meanwhile, it returns normally
 * soon after the current tensor. A test checks that a new llama.cpp still does so.
 */
final class QuantizeCall {
    private static final long LEAST_AUTO_BUFFER = 16L << 20;
    private static final long MOST_AUTO_BUFFER = 1L << 30;
    private static final int RAM_SHARE = 8;
    private static final String REASON = "failed to quantize: ";

    private final Path model;
    private final Quantization type;
    private final QuantizeOptions options;
    private final @Nullable ImportanceMatrix imatrix;

    private MemorySegment running = MemorySegment.NULL;
    private boolean cancelled;

    QuantizeCall(
            Path model,
            Quantization type,
            QuantizeOptions options,
            @Nullable ImportanceMatrix imatrix) {
        this.model = model;
        this.type = type;
        this.options = options;
        this.imatrix = imatrix;
    }

    /**
     * Only decides the types.
     *
     * @param listener is given each text that is logged
     */
    void dryRun(Consumer<String> listener) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = params(arena);
            llama_model_quantize_params.dry_run(params, true);
            call(params, "", listener, arena);
        }
    }

    /**
     * Writes the result.
     *
     * @param output the file; for a split model that stays split, the beginning of its files' names
     * @param listener is given each text that is logged
     * @throws CancellationException if it was cancelled, now or before; then the file is unusable
     */
    void write(String output, Consumer<String> listener) {
        // Shared, because cancel is called on another thread.
        try (Arena arena = Arena.ofShared()) {
            MemorySegment params = params(arena);
            synchronized (this) {
                throwIfCancelled();
                running = params;
            }
            try {
                call(params, output, listener, arena);
            } finally {
                synchronized (this) {
                    running = MemorySegment.NULL;
                }
            }
            throwIfCancelled();
        }
    }

    /** Ends the current write after its current tensor, and all later ones before they begin. */
    synchronized void cancel() {
        cancelled = true;
        stop();
    }

    /** Ends only the current write, after its current tensor. */
    synchronized void stop() {
        if (!running.equals(MemorySegment.NULL)) {
            llama_model_quantize_params.dry_run(running, true);
        }
    }

    synchronized void throwIfCancelled() {
        if (cancelled) {
            throw new CancellationException("quantizing " + model + " was cancelled");
        }
    }

    private void call(MemorySegment params, String output, Consumer<String> listener, Arena arena) {
        LlamaLibrary.load();
        MemorySegment in = FileName.of(model.toAbsolutePath(), arena);
        MemorySegment out = FileName.of(Path.of(output), arena);
        LlamaLog.Result<Integer> result =
                LlamaLog.collect(() -> llama_h.llama_model_quantize(in, out, params), listener);
        if (result.value() != 0) {
            throw new QuantizeException(
                    model, "llama.cpp cannot quantize " + model, reason(result.log()), null);
        }
    }

    /** The last line may begin with an unfinished line about a tensor. */
    private static List<String> reason(List<String> log) {
        if (log.isEmpty()) {
            return log;
        }
        String last = log.getLast();
        int at = last.lastIndexOf(REASON);
        return at < 0 ? log : List.of(last.substring(at + REASON.length()));
    }

    private MemorySegment params(Arena arena) {
        LlamaLibrary.load();
        MemorySegment params = llama_h.llama_model_quantize_default_params(arena);
        llama_model_quantize_params.nthread(
                params,
                options.threads() == QuantizeOptions.AUTO_THREADS
                        ? Runtime.getRuntime().availableProcessors()
                        : options.threads());
        llama_model_quantize_params.ftype(params, type.value());
        llama_model_quantize_params.only_copy(params, type == Quantization.COPY);
        llama_model_quantize_params.pure(params, options.pure());
        llama_model_quantize_params.allow_requantize(params, options.allowRequantize());
        llama_model_quantize_params.quantize_output_tensor(params, !options.leaveOutputTensor());
        llama_model_quantize_params.keep_split(params, options.keepSplit());
        llama_model_quantize_params.max_buf_size(params, bufferSize());
        options.outputTensorType()
                .ifPresent(t -> llama_model_quantize_params.output_tensor_type(params, t.id()));
        options.tokenEmbeddingType()
                .ifPresent(t -> llama_model_quantize_params.token_embedding_type(params, t.id()));
        if (!options.tensorTypes().isEmpty()) {
            llama_model_quantize_params.tt_overrides(params, tensorTypes(arena));
        }
        if (imatrix != null) {
            llama_model_quantize_params.imatrix(params, values(imatrix, arena));
            llama_model_quantize_params.kv_overrides(params, origin(imatrix, arena));
        }
        return params;
    }

    private long bufferSize() {
        return options.bufferSize() == QuantizeOptions.AUTO_BUFFER_SIZE
                ? Math.clamp(
                        AvailableRam.ofThisProcess().bytes() / RAM_SHARE,
                        LEAST_AUTO_BUFFER,
                        MOST_AUTO_BUFFER)
                : options.bufferSize();
    }

    /** The array ends with an entry whose pattern is NULL. */
    private MemorySegment tensorTypes(Arena arena) {
        List<QuantizeOptions.TensorType> types = options.tensorTypes();
        MemorySegment array = llama_model_tensor_override.allocateArray(types.size() + 1, arena);
        for (int i = 0; i < types.size(); i++) {
            MemorySegment entry = llama_model_tensor_override.asSlice(array, i);
            llama_model_tensor_override.pattern(entry, arena.allocateFrom(types.get(i).pattern()));
            llama_model_tensor_override.type(entry, types.get(i).type().id());
        }
        llama_model_tensor_override.type(
                llama_model_tensor_override.asSlice(array, types.size()),
                llama_h.GGML_TYPE_COUNT());
        return array;
    }

    /** The array ends with an entry whose name is NULL. */
    private static MemorySegment values(ImportanceMatrix matrix, Arena arena) {
        Map<String, MemorySegment> values = matrix.values();
        MemorySegment array = llama_model_imatrix_data.allocateArray(values.size() + 1, arena);
        int i = 0;
        for (Map.Entry<String, MemorySegment> value : values.entrySet()) {
            MemorySegment entry = llama_model_imatrix_data.asSlice(array, i++);
            llama_model_imatrix_data.name(entry, arena.allocateFrom(value.getKey()));
            llama_model_imatrix_data.data(entry, value.getValue());
            llama_model_imatrix_data.size(entry, value.getValue().byteSize() / Float.BYTES);
        }
        return array;
    }

    /** The metadata that llama-quantize adds, in the same order; ends with an empty key. */
    private static MemorySegment origin(ImportanceMatrix matrix, Arena arena) {
        Map<String, Object> origin = QuantizedHeader.origin(matrix);
        MemorySegment array = llama_model_kv_override.allocateArray(origin.size() + 1, arena);
        int i = 0;
        for (Map.Entry<String, Object> pair : origin.entrySet()) {
            MemorySegment entry = llama_model_kv_override.asSlice(array, i++);
            llama_model_kv_override.key(entry).setString(0, pair.getKey());
            if (pair.getValue() instanceof Long number) {
                llama_model_kv_override.tag(entry, llama_h.LLAMA_KV_OVERRIDE_TYPE_INT());
                llama_model_kv_override.val_i64(entry, number);
            } else {
                llama_model_kv_override.tag(entry, llama_h.LLAMA_KV_OVERRIDE_TYPE_STR());
                llama_model_kv_override.val_str(entry).setString(0, pair.getValue().toString());
            }
        }
        return array;
    }
}
