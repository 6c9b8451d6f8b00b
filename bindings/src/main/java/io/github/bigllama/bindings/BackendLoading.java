package io.github.bigllama.bindings;

import io.github.bigllama.bindings.llama.ggml_log_callback;
import io.github.bigllama.bindings.llama.llama_h;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/**
 * Lets ggml load its backends, and requires one for the CPU.
 *
 * <p>ggml logs to stderr unless it has a log callback, which can't be set before the library is
 * loaded. So its lines are collected meanwhile, and the previous callback is restored.
 */
final class BackendLoading {
    private static final System.Logger LOGGER = System.getLogger("io.github.bigllama.native");

    private BackendLoading() {}

    /**
     * @param modules whether to load backend modules from the directory, because none are linked in
     */
    static void run(Path directory, boolean modules) throws IOException {
        StringBuffer log = new StringBuffer();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment callback = arena.allocate(ValueLayout.ADDRESS);
            MemorySegment userData = arena.allocate(ValueLayout.ADDRESS);
            // Never freed: a thread of a backend may still be in the callback when the old one is
            // restored.
            MemorySegment collect =
                    ggml_log_callback.allocate(
                            (level, text, data) -> append(log, text), Arena.global());
            llama_h.ggml_log_get(callback, userData);
            if (!userData.get(ValueLayout.ADDRESS, 0).equals(MemorySegment.NULL)) {
                // Another class loader has already done this, and collects the log.
                return;
            }
            llama_h.ggml_log_set(collect, MemorySegment.NULL);
            try {
                // Asking for the count starts the registry of linked backends.
                if (modules && llama_h.ggml_backend_reg_count() == 0) {
                    llama_h.ggml_backend_load_all_from_path(FileName.of(directory, arena));
                }
                if (llama_h.ggml_backend_dev_by_type(llama_h.GGML_BACKEND_DEVICE_TYPE_CPU())
                        .equals(MemorySegment.NULL)) {
                    throw new IOException(
                            ("no backend for the CPU could be loaded. " + log.toString().strip())
                                    .strip());
                }
            } finally {
                llama_h.ggml_log_set(
                        callback.get(ValueLayout.ADDRESS, 0), userData.get(ValueLayout.ADDRESS, 0));
                log.toString().lines().forEach(line -> LOGGER.log(System.Logger.Level.DEBUG, line));
            }
        }
    }

    private static void append(StringBuffer log, MemorySegment text) {
        try {
            log.append(text.reinterpret(Long.MAX_VALUE).getString(0));
        } catch (RuntimeException e) {
            // Bytes that are not UTF-8. An exception must not leave an upcall: it would end the
            // JVM.
            log.append('?');
        }
    }
}
