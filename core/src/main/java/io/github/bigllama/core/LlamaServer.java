package io.github.bigllama.core;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.bigllama.bindings.FileName;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.exception.ServerException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.core.option.AdapterFile;
import io.github.bigllama.core.option.FlashAttention;
import io.github.bigllama.core.option.KvType;
import io.github.bigllama.core.option.ServerOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.internal.engine.ServedContext;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.llama.NativeOwner;
import io.github.bigllama.internal.llama.Shim;
import io.github.bigllama.internal.load.DraftCheck;
import io.github.bigllama.internal.load.ModelLoader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URI;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Serves a model over HTTP: llama.cpp's own server, with its protocols (OpenAI's chat completions,
 * responses and embeddings, Anthropic's messages) and its options, on a model whose weights
 * bigllama keeps in memory as for a session. The model may be larger than RAM, and may be used by
 * sessions at the same time. Adapters, a projector and a draft model are options of the server
 * ({@code --lora}, {@code --control-vector}, {@code --mmproj}, {@code --model-draft}); those of the
 * model are for its sessions. Without {@code --ctx-size}, the context is the largest that leaves
 * room for the weights; where weights are read from disk, {@code --cache-ram} is 0.
 *
 * <p>llama.cpp can run one server in a process. Thread-safe. Close it before its model; closing is
 * idempotent. What is logged goes to the logger {@code io.github.bigllama.llama.cpp}, at level
 * DEBUG.
 */
public final class LlamaServer implements AutoCloseable {
    private static final int POLL_MILLIS = 10;

    /** What llama-server takes if its options don't say how many answers it gives at a time. */
    private static final int USUAL_PARALLEL = 4;

    private static final int MOST_PORT = 65_535;

    /** {@code n_ubatch} of llama.cpp. */
    private static final int USUAL_MICRO_BATCH = 512;

    private final NativeHandle program;
    private final ServedContext context;
    private final Lifetime lifetime;
    private final Thread thread;
    private volatile List<URI> addresses = List.of();
    private volatile @Nullable ServerException failure;

    private LlamaServer(LlamaModel model, NativeHandle program, ServedContext context) {
        this.program = program;
        this.context = context;
        this.lifetime = new Lifetime(model, "a server", () -> {});
        this.thread =
                Thread.ofPlatform().name("bigllama-server").daemon().unstarted(() -> run(model));
    }

    /**
     * Serves a model with llama-server's defaults; see {@link #start(LlamaModel, ServerOptions)}.
     */
    public static LlamaServer start(LlamaModel model) {
        return start(model, ServerOptions.defaults());
    }

    /**
     * Serves a model; returns when the server is ready. An embedding model serves embeddings, and a
     * reranker rankings, without being told.
     *
     * @throws ServerException if an option is wrong, an address is in use, or the process has a
     *     server already
     * @throws SessionException if the model can't be served or was loaded without its weights, or
     *     there is not enough RAM for the context; the message names the largest that fits
     * @throws ModelLoadException if an adapter or projector of the options is missing or damaged,
     *     or an adapter does not fit the model
     */
    public static LlamaServer start(LlamaModel model, ServerOptions options) {
        Objects.requireNonNull(model, "model");
        requirePort(Objects.requireNonNull(options, "options").arguments());
        ServerOptions asked = forKind(options, model.kind());
        ServerOptions fitting;
        ServedContext context;
        try (NativeHandle parsed = program(asked)) {
            JsonNode description = describe(parsed);
            requireNoModel(description);
            requireAdapters(model, description);
            requireDrafts(model, description);
            String projector = description.path("projector").asText();
            if (!projector.isEmpty()) {
                ModelLoader.checkProjector(Path.of(projector));
            }
            SessionOptions session = session(description, asked.arguments());
            Contexts.Served served = model.serve(session, description.path("ranks").asBoolean());
            context = served.context();
            fitting = fitting(asked, served);
        }
        NativeHandle program;
        try {
            program = program(fitting);
        } catch (RuntimeException | Error e) {
            context.close();
            throw e;
        }
        LlamaServer server = new LlamaServer(model, program, context);
        // Meanwhile llama.cpp reads the model's list of adapters.
        synchronized (model.loadedAdapters()) {
            server.thread.start();
            server.awaitReady();
        }
        context.warmUp();
        return server;
    }

    /** The system would take the rest of a division. */
    private static void requirePort(List<String> arguments) {
        int at = arguments.lastIndexOf("--port") + 1;
        if (at == 0 || at == arguments.size() || !arguments.get(at).matches("-?\\d{1,9}")) {
            return;
        }
        int port = Integer.parseInt(arguments.get(at));
        if (port < 0 || port > MOST_PORT) {
            throw new ServerException(
                    "cannot serve: the port is " + port + ", must be 0 to " + MOST_PORT);
        }
    }

    /** Models that write no texts are served as what they are, without being told. */
    private static ServerOptions forKind(ServerOptions options, ModelKind kind) {
        if (kind.generates()) {
            return options;
        }
        return kind.ranks()
                ? options.with("--reranking")
                : kind.embeds() ? options.with("--embedding") : options;
    }

    private static NativeHandle program(ServerOptions options) {
        List<String> arguments = options.arguments();
        arguments.forEach(Shim::requireText);
        MemorySegment pointer =
                Shim.pointer(
                        ServerException::new,
                        "cannot serve",
                        (arena, error) -> {
                            MemorySegment array =
                                    arena.allocate(
                                            ValueLayout.ADDRESS, Math.max(1, arguments.size()));
                            for (int i = 0; i < arguments.size(); i++) {
                                array.setAtIndex(
                                        ValueLayout.ADDRESS,
                                        i,
                                        arena.allocateFrom(arguments.get(i)));
                            }
                            return llama_h.bigllama_server_create(arguments.size(), array, error);
                        });
        return new NativeHandle("server", pointer, llama_h::bigllama_server_free);
    }

    private static JsonNode describe(NativeHandle program) {
        return Json.read(
                Shim.text(
                        ServerException::new,
                        "cannot read the options",
                        (arena, error) ->
                                llama_h.bigllama_server_describe(program.pointer(), error)));
    }

    private static void requireNoModel(JsonNode description) {
        if (!description.path("model").asText().isEmpty()) {
            throw new ServerException(
                    "the options of the server name a model, %s, but the server serves one that has been loaded: leave it out"
                            .formatted(description.path("model").asText()));
        }
    }

    /** llama.cpp would end the process with some of those that don't fit the model. */
    private static void requireAdapters(LlamaModel model, JsonNode description) {
        for (JsonNode lora : description.path("loras")) {
            require(model, adapter(lora), ModelKind.LORA_ADAPTER, "--lora");
        }
        // As llama.cpp takes them: less than 1 is no limit.
        int first = description.path("control_vector_first").asInt();
        int last = description.path("control_vector_last").asInt();
        for (JsonNode vector : description.path("control_vectors")) {
            AdapterFile file =
                    adapter(vector)
                            .withLayers(
                                    Math.max(AdapterFile.MIN_LAYER, first),
                                    last <= 0 ? AdapterFile.MAX_LAYER : last);
            require(model, file, ModelKind.CONTROL_VECTOR, "--control-vector");
        }
    }

    private static void require(
            LlamaModel model, AdapterFile file, ModelKind wanted, String option) {
        ModelKind kind = model.loadedAdapters().check(file);
        if (kind != wanted) {
            throw new ModelLoadException(
                    file.file(),
                    "%s %s: it %s".formatted(option, file.file(), kind.sentence()),
                    List.of(),
                    null);
        }
    }

    private static AdapterFile adapter(JsonNode description) {
        float scale = (float) description.path("scale").asDouble(Double.NaN);
        Path file = Path.of(description.path("file").asText());
        if (!Float.isFinite(scale)) {
            throw new ServerException(
                    "cannot serve: the scale of " + file + " is " + scale + ", must be a number");
        }
        return AdapterFile.of(file).withScale(scale);
    }

    /** llama.cpp would end the process with some that don't fit the model. */
    private static void requireDrafts(LlamaModel model, JsonNode description) {
        String file = description.path("draft").asText();
        if (!file.isEmpty()) {
            DraftCheck.check(Path.of(file), model.path());
        }
        boolean draftsItself = model.supportsMtp() && model.residency().isEmpty();
        Json.texts(description.path("spec_types"))
                .forEach(kind -> DraftCheck.checkKind(kind, file, draftsItself, model.path()));
    }

    /** The context that llama.cpp's options ask for. */
    private static SessionOptions session(JsonNode description, List<String> arguments) {
        int parallel = description.path("parallel").asInt();
        int context = description.path("ctx_size").asInt();
        int batch = description.path("batch_size").asInt();
        int threads = number(arguments, List.of("-t", "--threads"));
        int batchThreads = number(arguments, List.of("-tb", "--threads-batch"));
        try {
            return SessionOptions.defaults()
                    .withContextSize(context == 0 ? SessionOptions.AUTO_CONTEXT : context)
                    .withBatchSizes(
                            batch,
                            given(arguments, List.of("-ub", "--ubatch-size"))
                                    ? Math.min(batch, description.path("ubatch_size").asInt())
                                    : SessionOptions.AUTO_MICRO_BATCH)
                    .withThreads(threads, batchThreads)
                    .withKvTypes(
                            value(KvType.values(), KvType::value, description, "cache_type_k"),
                            value(KvType.values(), KvType::value, description, "cache_type_v"))
                    .withFlashAttention(
                            value(
                                    FlashAttention.values(),
                                    FlashAttention::value,
                                    description,
                                    "flash_attn"))
                    .withSequences(parallel < 0 ? USUAL_PARALLEL : parallel)
                    .withEmbeddings(description.path("embedding").asBoolean())
                    .withSpeculation(Speculation.OFF);
        } catch (IllegalArgumentException e) {
            throw new ServerException("cannot serve: " + e.getMessage());
        }
    }

    private static <T> T value(T[] values, ToIntFunction<T> number, JsonNode from, String name) {
        return Arrays.stream(values)
                .filter(value -> number.applyAsInt(value) == from.path(name).asInt())
                .findFirst()
                .orElseThrow(
                        () -> new ServerException("cannot serve: bigllama has no such " + name));
    }

    private static boolean given(List<String> arguments, List<String> names) {
        return names.stream().anyMatch(arguments::contains);
    }

    /** The number after one of these names; 0 if none is there. */
    private static int number(List<String> arguments, List<String> names) {
        int at = names.stream().mapToInt(arguments::lastIndexOf).max().orElse(-1);
        try {
            return at < 0 || at + 1 == arguments.size()
                    ? 0
                    : Math.max(0, Integer.parseInt(arguments.get(at + 1)));
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    /** The options with the context that fits, and without what takes RAM from weights. */
    private static ServerOptions fitting(ServerOptions options, Contexts.Served served) {
        SessionOptions session = served.options();
        ServerOptions fitting = options.with("--ctx-size", Integer.toString(session.contextSize()));
        if (session.microBatchSize() != SessionOptions.AUTO_MICRO_BATCH) {
            fitting =
                    fitting.with(
                            "--batch-size",
                            Integer.toString(session.batchSize()),
                            "--ubatch-size",
                            Integer.toString(session.microBatchSize()));
        }
        if (session.embeddings()) {
            // llama.cpp reserves memory for texts of the same length, which must fill it.
            int texts = session.sequences();
            int batch =
                    session.microBatchSize() == SessionOptions.AUTO_MICRO_BATCH
                            ? Math.min(session.batchSize(), USUAL_MICRO_BATCH)
                            : session.microBatchSize();
            int whole = Math.max(1, batch / texts) * texts;
            fitting =
                    fitting.with(
                            "--batch-size",
                            Integer.toString(Math.max(whole, session.batchSize())),
                            "--ubatch-size",
                            Integer.toString(whole));
        }
        if (served.isPaged()) {
            // As in sessions: weights would be copied to a GPU before they are read.
            fitting = fitting.with("--no-op-offload");
        }
        if (served.isPaged() && !given(options.arguments(), List.of("-cram", "--cache-ram"))) {
            fitting = fitting.with("--cache-ram", "0");
        }
        return fitting;
    }

    private void run(LlamaModel model) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = arena.allocate(ValueLayout.ADDRESS);
            int result =
                    llama_h.bigllama_server_run(
                            program.pointer(),
                            NativeOwner.pointerOf(model),
                            FileName.of(model.path(), arena),
                            context.evalCallback(),
                            context.decodeCallback(),
                            error);
            if (result < 0) {
                failure = new ServerException("cannot serve: " + Shim.reason(error));
            }
        } finally {
            context.close();
            synchronized (this) {
                program.close();
            }
        }
    }

    private synchronized void stop() {
        if (!program.isClosed()) {
            llama_h.bigllama_server_stop(program.pointer());
        }
    }

    private void awaitReady() {
        boolean isInterrupted = false;
        while (thread.isAlive() && addresses.isEmpty()) {
            try {
                addresses = nativeAddresses();
                Thread.sleep(POLL_MILLIS);
            } catch (InterruptedException e) {
                isInterrupted = true;
            }
        }
        if (isInterrupted) {
            Thread.currentThread().interrupt();
        }
        if (addresses.isEmpty()) {
            lifetime.end();
            ServerException reason = failure;
            throw reason == null ? new ServerException("cannot serve: it has ended") : reason;
        }
    }

    private synchronized List<URI> nativeAddresses() {
        if (program.isClosed()) {
            return List.of();
        }
        String text =
                Shim.text(
                        ServerException::new,
                        "cannot ask for the address",
                        (arena, error) -> llama_h.bigllama_server_addresses(program.pointer()));
        return text.isEmpty()
                ? List.of()
                : Arrays.stream(text.split(",")).map(URI::create).toList();
    }

    /** The addresses that it listens at, such as {@code http://127.0.0.1:8080}. */
    public List<URI> addresses() {
        return addresses;
    }

    /** Whether it serves. */
    public boolean isRunning() {
        return thread.isAlive();
    }

    /**
     * Waits until it ends.
     *
     * @throws ServerException if it ended with an error
     */
    public void join() throws InterruptedException {
        thread.join();
        ServerException reason = failure;
        if (reason != null) {
            throw reason;
        }
    }

    /** Ends the server: requests under way are cancelled after their current pass. Idempotent. */
    @Override
    public void close() {
        boolean isInterrupted = false;
        while (thread.isAlive()) {
            stop();
            try {
                thread.join(POLL_MILLIS);
            } catch (InterruptedException e) {
                isInterrupted = true;
            }
        }
        lifetime.end();
        if (isInterrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
