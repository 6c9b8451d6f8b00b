package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.bigllama_decode_callback;
import io.github.bigllama.bindings.llama.llama_batch;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.internal.llama.LlamaLog;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.pager.FileSizes;
import io.github.bigllama.internal.pager.Pager;
import io.github.bigllama.internal.threads.AbortSwitch;
import io.github.bigllama.internal.threads.ComputeThreads;
import io.github.bigllama.internal.threads.CoreShare;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The context of llama.cpp's HTTP server, which creates and owns it, but has its batches computed
 * here: by the threads, and with the pages, of a context of our own. The server calls on the one
 * thread that runs it.
 */
@SuppressWarnings("restricted")
public final class ServedContext implements AutoCloseable {
    private static final System.Logger LOGGER = System.getLogger("io.github.bigllama.server");

    /** What llama_decode returns if a computation fails: the server then answers with an error. */
    private static final int FAILED = -3;

    private final Arena arena = Arena.ofShared();
    private final AbortSwitch abort = new AbortSwitch(arena);
    private final FileSizes sizes;
    private final CoreShare cores;

    /** Null if all weights fit into RAM. */
    private final @Nullable Paging paging;

    /** Null before the first batch. */
    private @Nullable NativeHandle context;

    private @Nullable ComputeThreads threads;

    /**
     * Prepares for the context of a server.
     *
     * @param options the threads
     * @param pager keeps the right weights in memory; null if all of them fit
     */
    public ServedContext(SessionOptions options, FileSizes sizes, @Nullable Pager pager) {
        this.sizes = sizes;
        paging = pager == null ? null : new Paging(pager, abort::abort);
        cores = NativeContext.cores(this, options, pager);
    }

    /** The eval callback for the server; NULL if it needs none. */
    public MemorySegment evalCallback() {
        return paging == null ? MemorySegment.NULL : paging.callback(arena);
    }

    /** What the server calls instead of llama_decode. */
    public MemorySegment decodeCallback() {
        return bigllama_decode_callback.allocate(this::decode, arena);
    }

    /** Has what is to stay read from now on, as the server has its context. */
    public void warmUp() {
        if (paging != null) {
            try {
                // How large its buffers are is known when the first batch is computed.
                paging.warmUp();
            } catch (InsufficientRamException e) {
                LOGGER.log(Level.DEBUG, "the first batch will fail: {0}", e.getMessage());
            }
        }
    }

    private int decode(MemorySegment pointer, MemorySegment batch) {
        // Losing a batch is better than losing the process.
        try {
            return compute(pointer, batch.reinterpret(llama_batch.sizeof()));
        } catch (Exception | Error e) {
            LOGGER.log(Level.ERROR, "a batch of the server could not be computed: " + e, e);
            return FAILED;
        }
    }

    private int compute(MemorySegment pointer, MemorySegment batch) throws IOException {
        ComputeThreads own = threads(pointer);
        sizes.require();
        abort.begin(() -> false);
        try {
            if (paging == null) {
                return own.decode(batch).value();
            }
            LlamaLog.Result<Integer> result =
                    paging.pass(
                            llama_batch.n_tokens(batch), fraction -> {}, () -> own.decode(batch));
            return result == null ? FAILED : result.value();
        } finally {
            abort.end();
            own.rest();
        }
    }

    /** The threads of a context, which is prepared when it is seen for the first time. */
    private ComputeThreads threads(MemorySegment pointer) {
        if (threads != null && context != null && context.pointer().equals(pointer)) {
            return threads;
        }
        close(threads, context);
        NativeHandle borrowed = new NativeHandle("context of the server", pointer, freed -> {});
        if (paging != null) {
            abort.install(borrowed);
            paging.reserved(pointer, 0);
        }
        context = borrowed;
        threads = new ComputeThreads(borrowed, cores, true);
        return threads;
    }

    private static void close(@Nullable ComputeThreads threads, @Nullable NativeHandle context) {
        if (context != null) {
            context.close();
        }
        if (threads != null) {
            threads.close();
        }
    }

    /** Ends the threads; the server must have freed its context. */
    @Override
    public void close() {
        close(threads, context);
        arena.close();
    }
}
