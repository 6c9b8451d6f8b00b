package io.github.bigllama.core;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.exception.NativeLoadException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.core.option.AdapterFile;
import io.github.bigllama.core.option.EmbeddingOptions;
import io.github.bigllama.core.option.LoadMode;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.RerankingOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.Residency;
import io.github.bigllama.internal.engine.Encoder;
import io.github.bigllama.internal.engine.Lane;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.llama.NativeOwner;
import io.github.bigllama.internal.llama.Vocabulary;
import io.github.bigllama.internal.load.ModelFingerprint;
import io.github.bigllama.internal.load.ModelLoader;
import io.github.bigllama.internal.pager.Pager;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A GGUF model: weights, vocabulary and metadata. Thread-safe; any number of sessions share it.
 *
 * <p>Close its sessions, embedders, rerankers and server first, then the model; its adapters, its
 * projector and its draft model are closed with it. A model that is never closed stays in memory.
 * Closing is idempotent. What a closed model is can still be asked, such as its path and kind;
 * every other call on it throws {@link IllegalStateException}.
 */
@SuppressWarnings("exports") // the superclass has nothing for users
public final class LlamaModel extends NativeOwner implements AutoCloseable {
    private final Path path;
    private final NativeHandle handle;
    private final ModelLoader.Loaded loaded;

    /** Null without a draft model. */
    private final @Nullable LlamaModel draft;

    private final Purposes purposes;
    private final Contexts contexts;
    private final ModelAdapters adapters;
    private final Vocabulary vocabulary;
    private final Tokenizer tokenizer;
    private final Lifetimes open = new Lifetimes();
    private String fingerprint;

    /** Null without a projector. */
    private final @Nullable Projector projector;

    private LlamaModel(
            Path path,
            ModelLoader.Loaded loaded,
            @Nullable LlamaModel draft,
            @Nullable Projector projector) {
        super(loaded.handle());
        this.path = path;
        this.loaded = loaded;
        this.draft = draft;
        this.handle = loaded.handle();
        this.projector = projector;
        this.purposes = new Purposes(this, loaded);
        this.contexts =
                new Contexts(
                        path,
                        loaded,
                        draft != null,
                        projector == null ? null : projector.encoder());
        this.adapters = new ModelAdapters(path, loaded);
        this.vocabulary = new Vocabulary(handle);
        this.tokenizer = new Tokenizer(vocabulary);
    }

    /** Loads a model with the default options; see {@link #load(Path, ModelOptions)}. */
    public static LlamaModel load(Path path) {
        return load(path, ModelOptions.defaults());
    }

    /**
     * Loads a model.
     *
     * @param path a GGUF file; of a split model the first part, {@code …-00001-of-000NN.gguf}
     * @throws ModelLoadException if a file (of the model, its draft model, its projector or an
     *     adapter) is missing or damaged, does not fit the model, or is refused by llama.cpp, or if
     *     there is too little RAM
     * @throws NativeLoadException if llama.cpp itself can't be loaded
     * @throws java.util.concurrent.CancellationException if the progress callback cancelled it
     * @throws IllegalArgumentException if a device does not exist
     */
    public static LlamaModel load(Path path, ModelOptions options) {
        Objects.requireNonNull(path, "path");
        Objects.requireNonNull(options, "options");
        LlamaModel draft =
                options.draftModel()
                        .filter(file -> !options.vocabularyOnly())
                        .map(LlamaModel::loadDraft)
                        .orElse(null);
        LlamaModel model;
        try {
            ModelLoader.Loaded loaded = ModelLoader.load(path, options);
            model = new LlamaModel(path, loaded, draft, loadProjector(loaded));
        } catch (RuntimeException | Error e) {
            if (draft != null) {
                draft.close();
            }
            throw e;
        }
        try {
            model.loadAdapters(options);
            return model;
        } catch (RuntimeException | Error e) {
            model.close();
            throw e;
        }
    }

    private void loadAdapters(ModelOptions options) {
        if (!options.vocabularyOnly()) {
            options.adapters().forEach(file -> adapters.byDefault(loadAdapter(file)));
        }
    }

    /**
     * All of the draft model is in the process's own memory, which reduces the RAM for the weights
     * of this model.
     */
    private static LlamaModel loadDraft(Path path) {
        LlamaModel draft = load(path, ModelOptions.defaults().withLoadMode(LoadMode.NONE));
        try {
            draft.purposes.requireDrafting();
            return draft;
        } catch (RuntimeException e) {
            draft.close();
            throw e;
        }
    }

    /** Loads an adapter with the default options; see {@link #loadAdapter(AdapterFile)}. */
    public Adapter loadAdapter(Path file) {
        return loadAdapter(AdapterFile.of(file));
    }

    /**
     * Loads a LoRA adapter or a control vector into RAM. Nothing computes with it until {@link
     * LlamaSession#setAdapters}; those of {@link ModelOptions#adapters()} are loaded with the
     * model.
     *
     * @throws ModelLoadException if the file is missing or damaged, does not fit this model, or
     *     there is too little RAM for it
     * @throws SessionException if the model was loaded without its weights
     */
    public synchronized Adapter loadAdapter(AdapterFile file) {
        Objects.requireNonNull(file, "file");
        purposes.requireWeights();
        handle.pointer();
        return adapters.load(file, contexts.pager().map(Pager::ownBytes).orElse(0L));
    }

    /**
     * The adapters that sessions begin with and that embedders and rerankers use, and their scales:
     * those of {@link ModelOptions#adapters()} that have not been closed.
     */
    public Map<Adapter, Float> adapters() {
        return adapters.defaults();
    }

    /** The adapters of this model. */
    ModelAdapters loadedAdapters() {
        return adapters;
    }

    private static @Nullable Projector loadProjector(ModelLoader.Loaded loaded) {
        try {
            return Projector.load(loaded);
        } catch (RuntimeException | Error e) {
            close(loaded);
            throw e;
        }
    }

    private static void close(ModelLoader.Loaded loaded) {
        loaded.pager().ifPresent(Pager::close);
        loaded.sizes().close();
        loaded.handle().close();
    }

    /** The file that the model was loaded from. */
    public Path path() {
        return path;
    }

    /** Opens a session with the default options; see {@link #newSession(SessionOptions)}. */
    public LlamaSession newSession() {
        return newSession(SessionOptions.defaults());
    }

    /**
     * Opens a session: allocates its KV cache and starts its threads.
     *
     * <p>If the options allow for several {@linkplain SessionOptions#sequences() sequences}, the
     * next sessions that are opened with equal options use the same context: no further memory is
     * taken, and what their threads ask for at the same time is computed in one pass over the
     * weights. See {@link LlamaSession}.
     *
     * <p>If the model does not fit into RAM beside the KV cache, bigllama chooses from then on
     * which weights stay in RAM, and begins to read them: on Linux, before the first token is asked
     * for.
     *
     * @throws SessionException if the model does not write texts or was loaded without its weights,
     *     if there is not enough RAM for the session (the message names the largest context that
     *     fits), or if llama.cpp can't create the context
     * @throws IllegalArgumentException if the options ask for a draft model and there is none
     * @throws IllegalStateException if all sequences of the context are in use; it never takes more
     *     memory than the first session has found free
     */
    public synchronized LlamaSession newSession(SessionOptions options) {
        Objects.requireNonNull(options, "options");
        purposes.requireGenerating();
        return session(contexts.open(options), adapters.defaults());
    }

    /** Opens an embedder with the default options; see {@link #newEmbedder(EmbeddingOptions)}. */
    public Embedder newEmbedder() {
        return newEmbedder(EmbeddingOptions.defaults());
    }

    /**
     * Opens an embedder, which turns texts into vectors: with an embedding model, or with one that
     * writes texts. If the model does not fit into RAM beside it, bigllama chooses from then on
     * which weights stay in RAM.
     *
     * @throws SessionException if this is another kind of model, if there is not enough RAM, or if
     *     llama.cpp can't create the context
     */
    public synchronized Embedder newEmbedder(EmbeddingOptions options) {
        Objects.requireNonNull(options, "options");
        purposes.requireEmbedding();
        return new Embedder(this, options);
    }

    /** Whether the model can draft by its own layers; see {@link ModelOptions#mtp()}. */
    public boolean supportsMtp() {
        return loaded.options().mtp();
    }

    /** Opens a reranker with the default options; see {@link #newReranker(RerankingOptions)}. */
    public Reranker newReranker() {
        return newReranker(RerankingOptions.defaults());
    }

    /**
     * Opens a reranker, which scores documents for a query. If the model does not fit into RAM
     * beside it, bigllama chooses from then on which weights stay in RAM.
     *
     * @throws SessionException if this is another kind of model, if there is not enough RAM, or if
     *     llama.cpp can't create the context
     */
    public synchronized Reranker newReranker(RerankingOptions options) {
        Objects.requireNonNull(options, "options");
        purposes.requireRanking();
        return new Reranker(this, options);
    }

    /** Opens a context for {@link TextEncoder}. */
    Encoder openEncoder(
            String noun, SessionOptions options, int pooling, int values, ModelAdapters.Use use) {
        return contexts.openEncoder(noun, options, pooling, values, use.adapters());
    }

    /** Whether the model says how the vectors of a text's tokens become one. */
    boolean pools() {
        return loaded.pools();
    }

    /** Whether a pass that makes a vector of a text computes the logits of its tokens, too. */
    boolean computesLogits() {
        return !ModelFiles.isEncoder(metadata().get("general.architecture"));
    }

    /**
     * Prepares for the context of a server.
     *
     * @param ranks whether the server is to score documents
     */
    synchronized Contexts.Served serve(SessionOptions options, boolean ranks) {
        purposes.requireServing(ranks);
        return contexts.serve(options);
    }

    private LlamaSession session(Lane lane, Map<Adapter, Float> begin) {
        try {
            return new LlamaSession(this, lane, begin);
        } catch (RuntimeException | Error e) {
            lane.close();
            throw e;
        }
    }

    /** What lets this model see or hear; empty if it was loaded without a projector. */
    public Optional<Projector> projector() {
        return Optional.ofNullable(projector);
    }

    /** Number of cells of the KV cache that tokens take. */
    int cells(int[] tokens) {
        return projector == null ? tokens.length : projector.cells(tokens);
    }

    /** The draft model, if there is one. */
    Optional<LlamaModel> draft() {
        return Optional.ofNullable(draft);
    }

    boolean hasExperts() {
        return loaded.weights().hasExperts();
    }

    /** The kind of model, from its architecture. */
    public ModelKind kind() {
        return loaded.kind();
    }

    synchronized LlamaSession openFork(LlamaSession session) {
        return session(session.lane().context().open().orElseThrow(), session.adapters());
    }

    /** What of the model is kept in RAM, and what that costs; empty if all of it fits. */
    public Optional<Residency> residency() {
        return contexts.pager().map(Pager::residency);
    }

    /** Tells this model apart from others; see {@link ModelFingerprint}. */
    synchronized String fingerprint() {
        if (fingerprint == null) {
            try {
                fingerprint =
                        ModelFingerprint.of(loaded.weights(), loaded.options().metadataOverrides());
            } catch (IOException e) {
                throw new SessionException("cannot read " + path + ": " + e, List.of(), e);
            }
        }
        return fingerprint;
    }

    Vocabulary vocabulary() {
        return vocabulary;
    }

    /** The tokenizer of this model's vocabulary. */
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** The kind and size of the model, for example {@code llama 8B Q4_K - Medium}. */
    public String description() {
        return new ModelTexts(handle).description(parameterCount());
    }

    /** Size of all tensors, in bytes. */
    public long sizeInBytes() {
        return llama_h.llama_model_size(handle.pointer());
    }

    /** Number of weights. */
    public long parameterCount() {
        return llama_h.llama_model_n_params(handle.pointer());
    }

    /** The context size that the model was trained with, in tokens. */
    public int trainedContextSize() {
        return llama_h.llama_model_n_ctx_train(handle.pointer());
    }

    /**
     * Length of the vector that the model gives for a token or a text, in floats ({@code
     * n_embd_out}).
     */
    public int embeddingSize() {
        return llama_h.llama_model_n_embd_out(handle.pointer());
    }

    /** Number of layers. */
    public int layerCount() {
        return llama_h.llama_model_n_layer(handle.pointer());
    }

    /** Number of tokens in the vocabulary. */
    public int vocabularySize() {
        return tokenizer.size();
    }

    /** The Jinja source of the model's chat template, if it has one. */
    public Optional<String> chatTemplate() {
        return new ModelTexts(handle).chatTemplate();
    }

    /** A template that is only for one purpose, if the model has it. */
    Optional<String> template(String purpose) {
        return new ModelTexts(handle).template(purpose);
    }

    /**
     * The metadata of the file as text, with long arrays shortened. {@linkplain
     * ModelOptions#metadataOverrides() Overrides} are not included: llama.cpp applies them where it
     * reads a value.
     */
    public Map<String, String> metadata() {
        return new ModelTexts(handle).metadata();
    }

    /**
     * Frees the weights. Idempotent.
     *
     * @throws IllegalStateException while sessions, embedders, rerankers or a server are open; the
     *     message says which, and where they were opened
     */
    @Override
    public synchronized void close() {
        open.requireNone(path);
        if (projector != null) {
            projector.encoder().close();
        }
        contexts.pager().ifPresent(Pager::close);
        loaded.sizes().close();
        adapters.close();
        handle.close();
        if (draft != null) {
            draft.close();
        }
    }

    synchronized void opened(Lifetime session) {
        open.add(session);
    }

    synchronized void closed(Lifetime session) {
        open.remove(session);
        contexts.tidy();
    }
}
