package io.github.bigllama.core;

import io.github.bigllama.residency.ResidencyStats;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * An answer, piece by piece, as it is asked for: a token is computed when the piece after it is
 * pulled, never ahead. Pieces are whole characters; several tokens may make one piece.
 *
 * <p>Can be read once, as an {@link Iterator}, in a for loop, or as a {@link #stream()}. Ends by
 * itself for one of the {@link StopReason}s, or by {@link #close()}. {@link #cancel()} may be
 * called from any thread; for the rest the rules of {@link LlamaSession} hold. A computation that
 * fails throws {@link DecodeException} and ends the stream.
 */
public final class TokenStream implements Iterator<String>, Iterable<String>, AutoCloseable {
    private final LlamaSession session;
    private final Context context;
    private final Sequence sequence;
    private final SamplerChain sampler;
    private final Tokenizer tokenizer;
    private final int[] prompt;
    private final GenerationOptions options;
    private final AtomicBoolean cancelled = new AtomicBoolean();
    private final AnswerText text;

    private int[] generated = new int[64];
    private int generatedCount;
    private int cachedTokens;
    private int decodedTokens;
    private long promptNanos;
    private long generationNanos;
    private int contextUsed;
    private boolean prefilled;
    private ResidencyStats promptResidency;
    private ResidencyStats residency;
    private Set<Integer> shown = Set.of();
    private boolean ended;
    private StopReason stopReason;
    private Runnable onEnd = () -> {};
    private int keep;

    TokenStream(
            LlamaSession session,
            Context context,
            Sequence sequence,
            SamplerChain sampler,
            int[] prompt,
            GenerationOptions options) {
        this.session = session;
        this.context = context;
        this.sequence = sequence;
        this.sampler = sampler;
        this.tokenizer = session.model().tokenizer();
        this.prompt = prompt;
        this.options = options;
        this.text = new AnswerText(options.stopStrings());
        this.cachedTokens = Math.min(sequence.commonPrefix(prompt), prompt.length - 1);
        this.contextUsed = sequence.used();
        this.keep = options.keep();
        this.residency = ResidencyStats.none(session.model().sizeInBytes());
        this.promptResidency = residency;
    }

    /** Computes until there is a piece or the end. Asking twice computes nothing twice. */
    @Override
    public boolean hasNext() {
        if (text.hasPiece()) {
            return true;
        }
        if (ended) {
            return false;
        }
        session.enter();
        try {
            context.abort().follow(cancelled);
            while (!text.hasPiece() && !ended) {
                step();
            }
        } catch (RuntimeException | Error e) {
            end(null);
            throw e;
        } finally {
            contextUsed = sequence.used();
            session.exit();
        }
        if (ended) {
            onEnd.run();
        }
        return text.hasPiece();
    }

    @Override
    public String next() {
        if (!hasNext()) {
            throw new NoSuchElementException("the answer has ended: " + stopReason);
        }
        return text.takePiece();
    }

    /** This: the pieces can be read once. */
    @Override
    public Iterator<String> iterator() {
        return this;
    }

    /** The pieces as a sequential stream; closing it closes this. */
    public Stream<String> stream() {
        int traits = Spliterator.ORDERED | Spliterator.NONNULL;
        return StreamSupport.stream(Spliterators.spliteratorUnknownSize(this, traits), false)
                .onClose(this::close);
    }

    /** Reads to the end and returns the text of all remaining pieces. */
    public String text() {
        StringBuilder pieces = new StringBuilder();
        forEachRemaining(pieces::append);
        return pieces.toString();
    }

    /**
     * Ends the answer as soon as possible, also in the middle of a prompt: the pull that is under
     * way returns what is complete. Callable from any thread; nothing happens after the end.
     */
    public void cancel() {
        cancelled.set(true);
        context.abort().abort(cancelled);
    }

    /** Why it ended; empty while it goes on, and after a failure. */
    public Optional<StopReason> stopReason() {
        return Optional.ofNullable(stopReason);
    }

    /** The ids of the tokens generated so far, the end-of-generation token not included. */
    public int[] tokens() {
        return Arrays.copyOf(generated, generatedCount);
    }

    /** What has been done so far. */
    public GenerationStats stats() {
        return new GenerationStats(
                prompt.length,
                cachedTokens,
                Duration.ofNanos(promptNanos),
                generatedCount,
                decodedTokens,
                Duration.ofNanos(generationNanos),
                contextUsed,
                context.size(),
                stopReason(),
                context.lastPass().map(pass -> decodedTokens == 0 ? promptResidency : residency));
    }

    /** Ends the answer here, if it has not ended. Idempotent. */
    @Override
    public void close() {
        if (ended) {
            return;
        }
        session.enter();
        try {
            end(StopReason.CANCELLED);
        } finally {
            session.exit();
        }
        onEnd.run();
    }

    /** Runs once, after the end and outside the session, on the thread that reached the end. */
    void onEnd(Runnable action) {
        onEnd = action;
    }

    /** The prompt, as tokens. */
    int[] prompt() {
        return prompt;
    }

    /** What the model has said so far, also what no piece shows. */
    String produced() {
        return text.produced();
    }

    private void step() {
        if (cancelled.get()) {
            end(StopReason.CANCELLED);
            return;
        }
        long start = System.nanoTime();
        if (!prefilled) {
            boolean done = prefill();
            promptNanos += System.nanoTime() - start;
            if (!done) {
                end(StopReason.CANCELLED);
                return;
            }
            prefilled = true;
            start = System.nanoTime();
        } else {
            Optional<StopReason> failure = decodeLast();
            if (failure.isPresent()) {
                end(failure.get());
                return;
            }
            decodedTokens++;
            context.lastPass().ifPresent(pass -> residency = residency.plus(pass));
        }
        if (options.maxTokens() == 0) {
            end(StopReason.MAX_TOKENS);
            return;
        }
        requireNumbers();
        int token = sampler.sample(context);
        generationNanos += System.nanoTime() - start;
        accept(token);
    }

    private void accept(int token) {
        if (tokenizer.isEndOfGeneration(token)) {
            end(StopReason.END_OF_GENERATION);
            return;
        }
        if (generatedCount == generated.length) {
            generated = Arrays.copyOf(generated, 2 * generated.length);
        }
        generated[generatedCount++] = token;
        text.append(tokenizer.bytes(token, shown.contains(token)));
        if (text.isStopped()) {
            end(StopReason.STOP_STRING);
        } else if (generatedCount == options.maxTokens()) {
            end(StopReason.MAX_TOKENS);
        }
    }

    /** Computes the token that was chosen last; gives why not, if it could not. */
    private Optional<StopReason> decodeLast() {
        try {
            if (sequence.used() < context.size()) {
                return decode();
            }
        } catch (DecodeException e) {
            // Other sequences of the context have the rest of it.
            if (e.status() != Context.NO_SLOT) {
                throw e;
            }
        }
        if (!canShift()) {
            return Optional.of(StopReason.CONTEXT_FULL);
        }
        return context.shift(sequence, kept()) ? decode() : Optional.of(StopReason.CANCELLED);
    }

    private Optional<StopReason> decode() {
        return context.decode(sequence, generated, generatedCount - 1, 1)
                ? Optional.empty()
                : Optional.of(StopReason.CANCELLED);
    }

    private boolean canShift() {
        boolean isEndless =
                options.maxTokens() == GenerationOptions.UNLIMITED
                        && generatedCount >= context.size();
        return options.contextFull() == ContextFull.SHIFT
                && !isEndless
                && kept() < sequence.used() - 1;
    }

    private int kept() {
        return Math.max(keep, tokenizer.addsBeginOfSequence() ? 1 : 0);
    }

    /** Has a shift keep at least so many tokens at the beginning. */
    void keepAtLeast(int tokens) {
        keep = Math.max(keep, tokens);
    }

    /** Computes what is new of the prompt; false if cancelled. */
    private boolean prefill() {
        cachedTokens =
                context.prepare(sequence, prompt, options.contextFull() == ContextFull.SHIFT);
        sampler.accept(prompt);
        int total = prompt.length - cachedTokens;
        int done = 0;
        report(done, total);
        while (done < total) {
            if (cancelled.get()) {
                return false;
            }
            int count = Math.min(context.batchSize(), total - done);
            int before = done;
            context.onProgress(fraction -> report(before + (int) (fraction * count), total));
            if (!context.decode(sequence, prompt, cachedTokens + done, count)) {
                return false;
            }
            done += count;
            context.lastPass().ifPresent(pass -> promptResidency = promptResidency.plus(pass));
            report(done, total);
        }
        context.onProgress(fraction -> {});
        return true;
    }

    private void report(int done, int total) {
        options.progress().ifPresent(progress -> progress.onProgress(done, total));
    }

    /**
     * Damaged weights give NaN, and llama.cpp's samplers abort the process on those. One look at
     * every logit costs less than a thousandth of computing them.
     */
    private void requireNumbers() {
        if (!context.outputs().areNumbers(tokenizer.size())) {
            throw new DecodeException(
                    "the model computed logits that are not numbers after "
                            + sequence.used()
                            + " tokens; the weights in "
                            + session.model().path()
                            + " are damaged, or too large for their type: download or convert it again",
                    0,
                    List.of());
        }
    }

    /**
     * Has somebody else decide which of it is shown.
     *
     * @param controlTokens those whose texts the reader wants to see
     */
    void readBy(AnswerReader newReader, Set<Integer> controlTokens) {
        text.readBy(newReader);
        shown = Set.copyOf(controlTokens);
    }

    /** Lets the grammar see the beginning of the answer, which the prompt ends with. */
    void acceptBeginning(int[] tokens) {
        sampler.acceptBeginning(tokens);
    }

    /**
     * Whether what was produced is the text of the tokens, nothing cut off and nothing repaired.
     */
    boolean isWhole() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 0; i < generatedCount; i++) {
            bytes.writeBytes(tokenizer.bytes(generated[i], shown.contains(generated[i])));
        }
        return bytes.toString(StandardCharsets.UTF_8).equals(text.produced());
    }

    /** Ends it, between enter and exit; what was held back is the last piece. */
    private void end(StopReason reason) {
        if (reason != null) {
            text.end();
        }
        ended = true;
        stopReason = reason;
        context.abort().follow(null);
        sampler.close();
        session.released(this);
    }
}
