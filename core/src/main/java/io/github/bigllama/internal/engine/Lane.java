package io.github.bigllama.internal.engine;

import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.internal.media.MediaPiece;
import io.github.bigllama.internal.threads.PlatformThread;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.DoubleConsumer;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One sequence of a context and what its user needs to compute it, beside users of the other
 * sequences. For one thread at a time, which {@link #enter} checks; only {@link #cancel} and {@link
 * #rest} may be called from any thread.
 */
public final class Lane implements AutoCloseable {
    private final Occupancy occupancy = new Occupancy();
    private final Context context;
    private final Sequence sequence;
    private final Outputs outputs;

    /** Ends computations once it is true; null for none. */
    private volatile @Nullable AtomicBoolean signal;

    /** Is given the part of a long computation that is done, 0 to 1. */
    private DoubleConsumer progress = fraction -> {};

    private volatile @Nullable PassStats lastPass;

    /** What its tokens are computed with. Changed only while nothing is computed. */
    private volatile Adapters adapters = Adapters.NONE;

    /** When its last pass ended. Guarded by the queue of the context. */
    private long lastEnd;

    Lane(Context context, Sequence sequence, Outputs outputs) {
        this.context = context;
        this.sequence = sequence;
        this.outputs = outputs;
    }

    /**
     * Enters on behalf of a caller; sessions work between enter and exit.
     *
     * @throws WrongThreadException while another thread is inside
     */
    public void enter() {
        occupancy.enter();
    }

    public void exit() {
        occupancy.exit();
    }

    /** The context, which other lanes may share. */
    public Context context() {
        return context;
    }

    /** The tokens in the KV cache. */
    public Sequence sequence() {
        return sequence;
    }

    /** The outputs of the last computation. */
    public Outputs outputs() {
        return outputs;
    }

    /** Sets the signal that ends computations early once it is true. */
    public void follow(AtomicBoolean newSignal) {
        signal = newSignal;
    }

    /** Stops following a signal, if it is the current one. */
    public void unfollow(AtomicBoolean oldSignal) {
        if (signal == oldSignal) {
            signal = null;
        }
    }

    @Nullable AtomicBoolean signal() {
        return signal;
    }

    /** Notes that a signal has become true. */
    public void cancel() {
        context.cancelled(this);
    }

    /** Notes that nothing is computed for now, so that nobody waits for it. */
    public void rest() {
        context.rest(this);
    }

    /** Notes that nothing is computed for now, but will be soon. */
    public void pause() {
        context.pause();
    }

    /** Runs a computation that an interrupt of the thread ends early; false if that happened. */
    public boolean interruptibly(BooleanSupplier computation) {
        AtomicBoolean never = new AtomicBoolean();
        follow(never);
        try {
            return computation.getAsBoolean();
        } finally {
            unfollow(never);
            pause();
        }
    }

    /** Sets the listener for the progress of computations that no other lane shares. */
    public void onProgress(DoubleConsumer listener) {
        progress = listener;
    }

    DoubleConsumer progress() {
        return progress;
    }

    /** The cost of the last pass over the weights; empty if all of them fit into RAM. */
    public Optional<PassStats> lastPass() {
        return Optional.ofNullable(lastPass);
    }

    void passed(PassStats pass) {
        lastPass = pass;
    }

    long lastEnd() {
        return lastEnd;
    }

    void ended(long nanoTime) {
        lastEnd = nanoTime;
    }

    /** Runs an action on the KV cache, which must not compute: no pass is under way meanwhile. */
    public <T> T locked(Supplier<T> action) {
        return context.locked(action);
    }

    /** Runs an action that changes the KV cache: the outputs are gone then. */
    public <T> T change(Supplier<T> action) {
        outputs.invalidate();
        return locked(action);
    }

    /** Makes the sequence forget everything, known or not. */
    public void clear() {
        change(
                () -> {
                    sequence.clear();
                    return null;
                });
    }

    /** Makes the sequence forget all but its first tokens; see {@link Sequence#keep}. */
    public int keep(int keep) {
        return sequence.holds(keep) ? keep : change(() -> sequence.keep(keep));
    }

    /** The adapters that its tokens are computed with. */
    public Adapters adapters() {
        return adapters;
    }

    /**
     * Computes with other adapters from now on. The sequence forgets everything if they differ:
     * what it holds was computed with those before. As soon as no lane has an adapter, it may be
     * closed.
     */
    public void adapt(Adapters others) {
        if (!others.equals(adapters)) {
            change(
                    () -> {
                        sequence.clear();
                        Adapters former = adapters;
                        adapters = others;
                        context.release(former);
                        return null;
                    });
        }
    }

    /** Makes this sequence a copy of another one of the same context. */
    public void copy(Lane other) {
        adapt(other.adapters);
        change(
                () -> {
                    sequence.copy(other.sequence);
                    return null;
                });
    }

    /**
     * Makes the sequence forget all tokens after the common beginning with a prompt.
     *
     * @param shift whether tokens that the prompt leaves out may be cut from the middle
     * @return number of tokens of the prompt that need not be computed, fewer than all
     */
    public int prepare(int[] prompt, boolean shift) {
        int gap = shift ? sequence.leftOut(prompt) : 0;
        if (gap > 0) {
            int prefix = sequence.commonPrefix(prompt);
            change(() -> sequence.remove(prefix, prefix + gap));
        }
        return keep(Math.min(sequence.commonPrefix(prompt), prompt.length - 1));
    }

    /**
     * Makes room in a full sequence: forgets the older half of the tokens that are not kept.
     *
     * @param keep number of tokens at the beginning to keep
     * @return false if the following tokens had to be computed again, and that was aborted
     */
    public boolean shift(int keep) {
        int[] tokens = sequence.tokens();
        int to = keep + (tokens.length - keep + 1) / 2;
        keep(tokens.length);
        if (change(() -> sequence.remove(keep, to))) {
            return true;
        }
        int[] rest =
                IntStream.concat(
                                Arrays.stream(tokens, 0, keep),
                                Arrays.stream(tokens, to, tokens.length))
                        .toArray();
        return decodeFrom(rest, keep(keep));
    }

    /**
     * Makes llama.cpp finish work that it defers to the next computation, by computing the last
     * token again: then the contents of its memory match the tokens.
     */
    public void settle() {
        boolean isDone = forgetGuesses();
        if (isDone && sequence.isMoving()) {
            int[] tokens = sequence.tokens();
            isDone = decodeFrom(tokens, keep(tokens.length - 1));
        }
        if (!isDone) {
            throw new CancellationException("interrupted");
        }
    }

    /** Whether nothing is in memory but what is known; false if that was aborted. */
    private boolean forgetGuesses() {
        if (sequence.guesses() == 0) {
            return true;
        }
        int[] known = sequence.tokens();
        return decodeFrom(known, keep(known.length));
    }

    /** Computes all tokens from one on, in as many passes as it takes; false if aborted. */
    public boolean decodeFrom(int[] tokens, int from) {
        int done = from;
        while (done < tokens.length) {
            int computed = decodeSome(tokens, done, tokens.length - done);
            if (computed == 0) {
                return false;
            }
            done += computed;
        }
        return true;
    }

    /**
     * Computes tokens after those of the sequence in one pass, with logits for the last one: all of
     * them, or as many as there is room for beside the tokens of other lanes. Where an image
     * follows, computes its embeddings, in as many passes as it takes.
     *
     * @return how many were computed; 0 if it was aborted, and the tokens computed until then are
     *     kept
     */
    public int decodeSome(int[] source, int from, int count) {
        if (!forgetGuesses()) {
            return 0;
        }
        if (MediaPiece.isMedia(source[from])) {
            return new MediaPasses(this).compute(source, from);
        }
        int most = MediaPiece.textRun(source, from, Math.min(count, context.batchSize()));
        return compute(new Request(this, source, from, most, most - 1, false));
    }

    /**
     * Computes tokens after those of the sequence in one pass, at most {@link Context#batchSize()}.
     *
     * @param first index of the first token with logits; may be {@code count}
     * @return false if it was aborted; the tokens computed until then are kept
     */
    public boolean decode(int[] source, int from, int count, int first) {
        return forgetGuesses()
                && compute(new Request(this, source, from, count, first, true)) == count;
    }

    /** Computes a request; returns how many of its tokens were computed. */
    int compute(Request request) {
        outputs.invalidate();
        context.compute(request);
        return request.result();
    }

    /**
     * Computes a token, and tokens that are guessed to follow it. {@link #confirm} says that the
     * next of those was right; the others are forgotten as soon as something else is computed.
     *
     * @return false if it was aborted
     * @throws DecodeException if it failed
     */
    public boolean decode(int token, int[] guess) {
        int before = sequence.used();
        int[] all = IntStream.concat(IntStream.of(token), Arrays.stream(guess)).toArray();
        try {
            boolean isDone = decode(all, 0, all.length, 0);
            if (isDone) {
                outputs.guessed();
            }
            return isDone;
        } finally {
            sequence.guessed(Math.max(0, sequence.used() - before - 1));
        }
    }

    /**
     * Notes that another model drafts for this one, in a context that has been created since.
     *
     * @throws SessionException if that leaves too little RAM for weights
     */
    public void besides(Lane drafts) {
        context.besides(drafts.pointer());
    }

    /** Whether the model drafts by its own layers; see {@link #draft}. */
    public boolean hasMtp() {
        return context.mtp() != null;
    }

    /**
     * Drafts what may follow the sequence and one more token, by the model's own layers (MTP).
     *
     * @param most the most tokens to draft
     */
    public int[] draft(int token, int most) {
        int[] known = sequence.tokens();
        return PlatformThread.call(
                () -> locked(() -> mtp().draft(sequence.id(), known, token, most)));
    }

    /** Notes how many tokens of the last draft of the model's own layers were right. */
    public void drafted(int accepted) {
        locked(
                () -> {
                    mtp().accepted(sequence.id(), accepted);
                    return null;
                });
    }

    private MtpContext mtp() {
        return Objects.requireNonNull(context.mtp());
    }

    /** The next guess was right: its logits are the last ones now. */
    public void confirm() {
        sequence.confirm();
        outputs.confirm();
    }

    /** Runs a computation of llama.cpp's own with the context, by its threads. */
    public int compute(IntSupplier computation) {
        outputs.invalidate();
        return context.compute(this, computation);
    }

    /** The context's pointer, for {@link #locked}. */
    public MemorySegment pointer() {
        return context.pointer();
    }

    /** Frees the sequence, and with the last one the context. */
    @Override
    public void close() {
        outputs.close();
        context.close(this);
    }
}
