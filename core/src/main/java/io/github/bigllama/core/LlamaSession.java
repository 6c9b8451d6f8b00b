package io.github.bigllama.core;

import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.internal.engine.Lane;
import io.github.bigllama.internal.engine.SamplerChain;
import io.github.bigllama.internal.engine.Sequence;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One conversation with a model: a context, its KV cache, and the threads that compute; or a part
 * of a context that it shares with others.
 *
 * <p>The KV cache is kept between calls: a prompt is computed only from the first token that
 * differs from the tokens in the cache.
 *
 * <p>Only one thread may use a session at a time: a call while another thread is inside throws
 * {@link WrongThreadException}. A session may move from thread to thread between calls. While a
 * {@link TokenStream} is open the session belongs to it. Only {@link TokenStream#cancel()} and
 * {@link TokenStream#close()} may be called from anywhere.
 *
 * <p>Sessions that are opened with equal options for several {@linkplain SessionOptions#sequences()
 * sequences}, and {@linkplain #fork() forks}, share a context and its passes over the weights: what
 * their threads ask for at the same time is computed together, a long prompt in parts beside the
 * tokens of others. So eight threads that each read their own {@link TokenStream} take hardly more
 * time than one, if weights are read from disk. Nobody waits for a thread that does not ask, and an
 * answer that is closed, cancelled or interrupted changes nothing for the others; what changes the
 * KV cache waits for the end of the pass under way. They share the room in the context, too: where
 * it is full, the session that asks for more is the one whose context is full.
 *
 * <p>Each session says what it says alone, except that ggml adds up in another order where it
 * computes several tokens, as it does for a prompt: where two tokens are practically equally
 * likely, the other one may be chosen. The kernels that differ are those of quantized matrices, of
 * attention over 64 tokens or more, and that of a single token with more than 512 in the context.
 *
 * <p>Unless {@link SessionOptions#threads()} says otherwise, sessions that compute at the same time
 * divide the cores among themselves. A computation for a virtual thread runs on a platform thread,
 * and the virtual thread waits without holding its carrier.
 *
 * <p>Close it before its model. Closing is idempotent. What a closed session is and was can still
 * be asked, such as its options and {@link #lastPass}; every other call on it throws {@link
 * IllegalStateException}. A session that has become unreachable is closed some time later, with a
 * warning in the log that says where it was opened.
 */
// A turn is held, not used.
@SuppressWarnings("try")
public final class LlamaSession implements AutoCloseable {
    private static final String NOTHING = "nothing has been computed yet; call decode first";

    private final LlamaModel model;
    private final Lane lane;
    private final Turn exit;
    private final Sequence sequence;
    private final TokenChecks checks;
    private final SessionResources resources;
    private final Cleaner.Cleanable cleanable;
    private volatile @Nullable TokenStream stream;
    private volatile boolean closed;

    LlamaSession(LlamaModel model, Lane lane, Map<Adapter, Float> adapters) {
        this.model = model;
        this.lane = lane;
        this.exit = lane::exit;
        this.sequence = lane.sequence();
        this.checks = new TokenChecks(model, lane);
        this.resources = new SessionResources(model, lane, options(), adapters);
        this.cleanable = resources.closeWith(this);
    }

    /** What this session computes with. */
    Lane lane() {
        return lane;
    }

    /** The model of this session. */
    public LlamaModel model() {
        return model;
    }

    /**
     * The options in effect: those that the session was opened with, where what was left open, such
     * as the size of the context, is decided.
     */
    public SessionOptions options() {
        return lane.context().options();
    }

    /** Size of the context, in tokens, or cells of the KV cache. */
    public int contextSize() {
        return lane.context().size();
    }

    /**
     * Tokens in the KV cache, one for each position; images may take more cells, see {@link
     * Projector#cells}.
     */
    public int contextUsed() {
        return sequence.used();
    }

    /**
     * Continues a text with the default options; see {@link #generate(String, GenerationOptions)}.
     */
    public TokenStream generate(String prompt) {
        return generate(prompt, GenerationOptions.defaults());
    }

    /**
     * Continues a text. Control tokens in the text are recognized, and the tokens that the model
     * wants at the beginning are added. Nothing is computed until the first piece is asked for.
     *
     * @throws PromptTooLongException if the prompt leaves no room in the context
     */
    public TokenStream generate(String prompt, GenerationOptions options) {
        return generate(
                model.tokenizer().encode(Objects.requireNonNull(prompt, "prompt")), options);
    }

    /**
     * Continues a sequence of tokens. Give all tokens, not only the new ones; those that the KV
     * cache already holds are not computed again.
     *
     * @param prompt tokens of the vocabulary, and those that stand for images or sounds; see {@link
     *     Projector#encode}
     * @throws PromptTooLongException if the prompt leaves no room in the context
     * @throws IllegalArgumentException if the prompt is empty, has a token that is neither in the
     *     vocabulary nor of the model's projector, or ends with an image or a sound
     */
    public TokenStream generate(int[] prompt, GenerationOptions options) {
        Objects.requireNonNull(prompt, "prompt");
        Objects.requireNonNull(options, "options");
        try (Turn turn = enter()) {
            requireNoStream();
            checks.require(prompt);
            checks.requireFit(model.cells(prompt));
            SamplerChain sampler =
                    resources.open(
                            new SamplerChain(
                                    model.vocabulary(),
                                    options.sampling(),
                                    contextSize(),
                                    options.grammar().orElse(null)));
            TokenLoop loop = new TokenLoop(model, lane, sampler, options, resources.drafter());
            stream = new Generation(this, lane, loop, prompt.clone(), options);
            return stream;
        }
    }

    /**
     * Computes tokens after those in the KV cache, and nothing more: for logits, embeddings and
     * your own generation loops.
     *
     * @param tokens as for {@link #generate(int[], GenerationOptions)}
     * @throws PromptTooLongException if they do not fit; nothing is computed then
     * @throws IllegalArgumentException as that does
     * @throws CancellationException if the thread is interrupted; it stays interrupted, and the
     *     tokens computed by then stay in the KV cache
     */
    public void decode(int... tokens) {
        Objects.requireNonNull(tokens, "tokens");
        try (Turn turn = enter()) {
            requireNoStream();
            checks.require(tokens);
            checks.requireRoom(tokens);
            interruptibly(() -> lane.decodeFrom(tokens, 0));
        }
    }

    /**
     * As {@link #decode(int...)}, in one batch, and with logits for more than the last token.
     *
     * @param tokens of the vocabulary, at most {@link SessionOptions#batchSize()}
     * @param first index of the first token that gets logits, from 0; at most {@link
     *     SessionOptions#outputs()} tokens may follow from there, itself included
     * @throws IllegalArgumentException if there are more, {@code first} is not 0 to the number of
     *     tokens, or some stand for an image or a sound
     */
    public void decode(int[] tokens, int first) {
        Objects.requireNonNull(tokens, "tokens");
        try (Turn turn = enter()) {
            requireNoStream();
            checks.requireBatch(tokens, first, Math.max(1, options().outputs()));
            checks.requireRoom(tokens);
            interruptibly(() -> lane.decode(tokens, 0, tokens.length, first));
        }
    }

    private void interruptibly(BooleanSupplier computation) {
        if (!lane.interruptibly(computation)) {
            throw new CancellationException(
                    String.format(
                            Locale.ROOT,
                            "interrupted; the KV cache holds %d tokens",
                            sequence.used()));
        }
    }

    /**
     * The cost of the last pass over the weights: how much was read from disk, and how long the
     * pass waited. Empty for a model that fits into RAM, and before the first pass.
     */
    public Optional<PassStats> lastPass() {
        return lane.lastPass();
    }

    /**
     * The logits of the last computed token: one float for each token of the vocabulary. A view of
     * llama.cpp's memory, or of a copy if the context is shared: read-only, and closed by the next
     * computation of this session, {@link #reset} or {@link #close}; accessing it after that throws
     * {@link IllegalStateException}.
     *
     * <p>After an answer they are what a grammar, processors and a sampler in Java have made of
     * them; {@link TokenStream#logprobs} has the model's own.
     *
     * @throws IllegalStateException if nothing has been computed
     */
    public MemorySegment logits() {
        return outputs(-1);
    }

    /**
     * The logits of a token of the last batch, under the rules of {@link #logits()}.
     *
     * @param index index of a token in the batch, from 0; it must have logits
     * @throws IllegalArgumentException if the index is negative
     * @throws IllegalStateException if nothing has been computed, or not for that token
     */
    public MemorySegment logits(int index) {
        if (index < 0) {
            throw new IllegalArgumentException("index is " + index + ", must be 0 or more");
        }
        return outputs(index);
    }

    private MemorySegment outputs(int index) {
        try (Turn turn = enter()) {
            String missing =
                    index < 0
                            ? NOTHING
                            : String.format(
                                    Locale.ROOT,
                                    "nothing has been computed yet, or token %d of the last batch has no logits; see decode(int[], int)",
                                    index);
            return require(lane.outputs().logits(index), missing);
        }
    }

    /**
     * The embedding of the last computed token: {@link LlamaModel#embeddingSize()} floats, under
     * the rules of {@link #logits()}.
     *
     * @throws IllegalStateException if nothing has been computed, or the session was opened without
     *     {@link SessionOptions#embeddings()}
     */
    public MemorySegment embedding() {
        try (Turn turn = enter()) {
            if (!options().embeddings()) {
                throw new IllegalStateException(
                        "session has no embeddings; open it with SessionOptions.withEmbeddings(true)");
            }
            return require(lane.outputs().embedding(), NOTHING);
        }
    }

    /**
     * A new session that starts with everything in this one's KV cache, without a copy. Both share
     * one context, its room, and its passes. The options must allow for more than one {@linkplain
     * SessionOptions#sequences() sequence}.
     *
     * @throws IllegalStateException if all sequences of the context are in use
     */
    public LlamaSession fork() {
        try (Turn turn = enter()) {
            requireNoStream();
            LlamaSession fork = model.openFork(this);
            fork.lane.copy(lane);
            return fork;
        }
    }

    /**
     * Writes the contents of the KV cache to a file, which appears as a whole or not at all, even
     * if the process dies meanwhile. Its size is that of {@link #contextUsed()} tokens in the
     * cache.
     *
     * @throws SessionException if the file can't be written, or the KV cache holds images or
     *     sounds; a file that existed before is unchanged
     */
    public void save(Path file) {
        write(file, null);
    }

    /**
     * As {@link #save(Path)}, with a text of the caller's choice that {@link #restore} returns.
     *
     * @throws SessionException as {@link #save(Path)}
     */
    public void save(Path file, String attachment) {
        write(file, Objects.requireNonNull(attachment, "attachment"));
    }

    private void write(Path file, @Nullable String attachment) {
        Objects.requireNonNull(file, "file");
        try (Turn turn = enter()) {
            requireNoStream();
            SessionSnapshot.save(this, file, attachment);
        }
    }

    /**
     * Replaces the contents of the KV cache by those of a file. Nothing is computed. The session
     * may have another context size and other threads than the one that was saved; the types of the
     * KV cache, the adapters and their scales must be the same.
     *
     * @return the text that was saved with it, if any
     * @throws SessionException if the file is damaged, belongs to another model, or was computed
     *     with other types or adapters, or its tokens do not fit into the context; the session is
     *     unchanged then, or empty
     */
    public Optional<String> restore(Path file) {
        Objects.requireNonNull(file, "file");
        try (Turn turn = enter()) {
            requireNoStream();
            return SessionSnapshot.restore(this, file);
        }
    }

    /** The adapters that this session computes with, and their scales. */
    public Map<Adapter, Float> adapters() {
        return resources.adapters();
    }

    /**
     * Computes with other adapters from now on: the given ones, each by as much as its scale (1 for
     * all of it, 0 for nothing), and none besides. If that is a change, the KV cache is emptied,
     * because it was computed with those before; what a chat or a prompt needs of it is computed
     * again. Sessions of one context may have different adapters; those with the same ones share
     * passes.
     *
     * @throws IllegalArgumentException if an adapter was loaded for another model, or a scale is
     *     not a number
     * @throws IllegalStateException if an adapter is closed
     */
    public void setAdapters(Map<Adapter, Float> scales) {
        Objects.requireNonNull(scales, "scales");
        try (Turn turn = enter()) {
            requireNoStream();
            resources.use(scales);
        }
    }

    /** The tokens that the KV cache holds; the positions of an image or a sound are negative. */
    public int[] tokens() {
        try (Turn turn = enter()) {
            return sequence.tokens();
        }
    }

    /**
     * Forgets all tokens but the first ones.
     *
     * @param tokens how many to keep, 0 or more; all if there are not so many
     * @return how many tokens the KV cache still holds: fewer than asked for where it can't forget
     *     only a part
     */
    public int keep(int tokens) {
        if (tokens < 0) {
            throw new IllegalArgumentException("tokens is " + tokens + ", must be 0 or more");
        }
        try (Turn turn = enter()) {
            requireNoStream();
            return lane.keep(Math.min(tokens, sequence.used()));
        }
    }

    /** Empties the KV cache: the model forgets everything it was told. */
    public void reset() {
        try (Turn turn = enter()) {
            requireNoStream();
            lane.keep(0);
        }
    }

    /**
     * Frees the context. Idempotent.
     *
     * @throws IllegalStateException while a {@link TokenStream} of this thread is open
     * @throws WrongThreadException while another thread is generating
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        try (Turn turn = enter()) {
            requireNoStream();
            closed = true;
            cleanable.clean();
        }
    }

    /** One thread's use of the session; closing it lets others in. */
    interface Turn extends AutoCloseable {
        @Override
        void close();
    }

    /** Enters native code on behalf of the caller; every public method holds a turn. */
    Turn enter() {
        lane.enter();
        if (closed) {
            lane.exit();
            throw new IllegalStateException("session of " + model.path() + " is closed");
        }
        return exit;
    }

    /** The stream calls this when it has ended. */
    void released(TokenStream ended) {
        if (stream == ended) {
            resources.closeSampler();
            stream = null;
        }
    }

    private void requireNoStream() {
        if (stream != null) {
            throw new IllegalStateException(
                    "the session's TokenStream is still open; read it to its end or close it first");
        }
    }

    private static MemorySegment require(MemorySegment output, String missing) {
        if (output.equals(MemorySegment.NULL)) {
            throw new IllegalStateException(missing);
        }
        return output;
    }
}
