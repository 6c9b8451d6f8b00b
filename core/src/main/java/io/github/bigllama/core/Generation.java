package io.github.bigllama.core;

import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.residency.ResidencyStats;
import io.github.bigllama.internal.engine.Lane;
import io.github.bigllama.internal.engine.Pulls;
import io.github.bigllama.internal.engine.Sequence;
import io.github.bigllama.internal.text.AnswerText;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** The {@link TokenStream} of a session: the loop from a prompt to pieces of text. */
// A turn is held, not used.
@SuppressWarnings("try")
final class Generation implements TokenStream {
    /** A hundred years: longer timeouts overflow a count of nanoseconds. */
    private static final long LONGEST_TIMEOUT = TimeUnit.DAYS.toNanos(36_500);

    private final LlamaSession session;
    private final Lane lane;
    private final Sequence sequence;
    private final TokenLoop loop;
    private final Tokenizer tokenizer;
    private final int[] prompt;
    private final GenerationOptions options;
    private final Pulls pulls = new Pulls();
    private final AtomicBoolean cancelled = new AtomicBoolean();
    private final AnswerText text;

    private int[] generated = new int[64];
    private int generatedCount;
    private final List<TokenLogprob> logprobs = new ArrayList<>();
    private int cachedTokens;
    private int decodedTokens;
    private long promptNanos;
    private long generationNanos;
    private int contextUsed;
    private boolean prefilled;
    private ResidencyStats promptResidency;
    private ResidencyStats residency;
    private volatile boolean ended;
    private volatile @Nullable StopReason stopReason;
    private volatile boolean isLate;
    private final Optional<CompletableFuture<Void>> timer;

    Generation(
            LlamaSession session,
            Lane lane,
            TokenLoop loop,
            int[] prompt,
            GenerationOptions options) {
        this.session = session;
        this.lane = lane;
        this.sequence = lane.sequence();
        this.loop = loop;
        this.tokenizer = session.model().tokenizer();
        this.prompt = prompt;
        this.options = options;
        this.text = new AnswerText(options.stopStrings());
        this.cachedTokens = Math.min(sequence.commonPrefix(prompt), prompt.length - 1);
        this.contextUsed = sequence.used();
        this.residency = ResidencyStats.none(session.model().sizeInBytes());
        this.promptResidency = residency;
        this.timer = options.timeout().map(this::startTimer);
    }

    /** Computes until there is a piece or the answer ends. Asking again computes nothing new. */
    @Override
    public boolean hasNext() {
        pulls.begin();
        try {
            if (!text.hasPiece() && !ended) {
                compute();
            }
            return text.hasPiece();
        } finally {
            pulls.end();
        }
    }

    private void compute() {
        try (LlamaSession.Turn turn = session.enter()) {
            try {
                lane.follow(cancelled);
                while (!text.hasPiece() && !ended) {
                    step();
                }
            } catch (Throwable e) { // code of the user's own in other languages throws checked ones
                end(null);
                throw e;
            } finally {
                contextUsed = sequence.used();
            }
        }
    }

    @Override
    public String next() {
        pulls.begin();
        try {
            if (!hasNext()) {
                throw new NoSuchElementException("the answer has ended: " + stopReason);
            }
            return text.takePiece();
        } finally {
            pulls.end();
        }
    }

    @Override
    public void cancel() {
        cancelled.set(true);
        lane.cancel();
    }

    /** Ends the answer because its timeout has passed. */
    private void expire() {
        isLate = true;
        cancel();
    }

    private CompletableFuture<Void> startTimer(Duration timeout) {
        // The timer must not keep an abandoned answer alive.
        WeakReference<Generation> answer = new WeakReference<>(this);
        CompletableFuture<Void> started = new CompletableFuture<>();
        started.completeOnTimeout(
                        null,
                        Math.min(TimeUnit.NANOSECONDS.convert(timeout), LONGEST_TIMEOUT),
                        TimeUnit.NANOSECONDS)
                .thenRun(() -> Optional.ofNullable(answer.get()).ifPresent(Generation::expire));
        return started;
    }

    @Override
    public Optional<StopReason> stopReason() {
        return Optional.ofNullable(stopReason);
    }

    @Override
    public int[] tokens() {
        return Arrays.copyOf(generated, generatedCount);
    }

    @Override
    public List<TokenLogprob> logprobs() {
        return List.copyOf(logprobs);
    }

    @Override
    public GenerationStats stats() {
        return new GenerationStats(
                prompt.length,
                cachedTokens,
                Duration.ofNanos(promptNanos),
                generatedCount,
                decodedTokens,
                Duration.ofNanos(generationNanos),
                contextUsed,
                lane.context().size(),
                stopReason(),
                lane.lastPass().map(pass -> decodedTokens == 0 ? promptResidency : residency),
                loop.stats());
    }

    @Override
    public void close() {
        if (ended || !pulls.beginEnd(this::cancel)) {
            return;
        }
        try {
            if (!ended) {
                end(StopReason.CANCELLED);
            }
        } finally {
            pulls.end();
        }
    }

    private boolean isCancelled() {
        return cancelled.get() || Thread.currentThread().isInterrupted();
    }

    private StopReason cancelReason() {
        return isLate ? StopReason.TIMEOUT : StopReason.CANCELLED;
    }

    private void step() {
        if (isCancelled()) {
            end(cancelReason());
            return;
        }
        long start = System.nanoTime();
        if (!prefilled) {
            boolean done;
            try {
                done = prefill();
            } finally {
                // The context outlives this answer and must not keep it alive.
                lane.onProgress(fraction -> {});
            }
            promptNanos += System.nanoTime() - start;
            if (!done) {
                end(cancelReason());
                return;
            }
            prefilled = true;
            start = System.nanoTime();
        } else {
            int last = generated[generatedCount - 1];
            if (!loop.accept(last)) {
                TokenLoop.Outcome outcome = loop.compute(last, left(), generatedCount);
                if (outcome != TokenLoop.Outcome.COMPUTED) {
                    end(
                            outcome == TokenLoop.Outcome.CANCELLED
                                    ? cancelReason()
                                    : StopReason.CONTEXT_FULL);
                    return;
                }
                lane.lastPass().ifPresent(pass -> residency = residency.plus(pass));
            }
            decodedTokens++;
        }
        if (options.maxTokens() == 0) {
            end(StopReason.MAX_TOKENS);
            return;
        }
        int token = loop.choose();
        generationNanos += System.nanoTime() - start;
        accept(token);
    }

    /** Tokens that may still be generated. */
    private long left() {
        return options.maxTokens() == GenerationOptions.UNLIMITED
                ? Integer.MAX_VALUE
                : options.maxTokens() - generatedCount;
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
        if (options.logprobs() > 0) {
            logprobs.add(loop.logprobs(token));
        }
        text.append(tokenizer.bytes(token, options.preservedTokens().contains(token)));
        if (text.isStopped()) {
            end(StopReason.STOP_STRING);
        } else if (generatedCount == options.maxTokens()) {
            end(StopReason.MAX_TOKENS);
        }
    }

    /** Computes the new part of the prompt; false if cancelled. */
    private boolean prefill() {
        cachedTokens = lane.prepare(prompt, options.contextFull() == ContextFull.SHIFT);
        loop.begin(prompt);
        int total = prompt.length - cachedTokens;
        int done = 0;
        report(done, total);
        while (done < total) {
            if (isCancelled()) {
                return false;
            }
            int count = Math.min(lane.context().batchSize(), total - done);
            int before = done;
            lane.onProgress(fraction -> report(before + (int) (fraction * count), total));
            int computed = lane.decodeSome(prompt, cachedTokens + done, count);
            if (computed == 0) {
                return false;
            }
            done += computed;
            lane.lastPass().ifPresent(pass -> promptResidency = promptResidency.plus(pass));
            report(done, total);
        }
        return true;
    }

    private void report(int done, int total) {
        options.progress().ifPresent(progress -> progress.onProgress(done, total));
    }

    /** Ends the answer; the text held back so far becomes the last piece. */
    private void end(@Nullable StopReason reason) {
        if (reason != null) {
            text.end();
        }
        loop.judge();
        stopReason = reason;
        ended = true;
        timer.ifPresent(running -> running.cancel(false));
        lane.unfollow(cancelled);
        lane.rest();
        session.released(this);
    }
}
