package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.LlamaException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.llama.Shim;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.function.IntSupplier;
import java.util.function.ToIntBiFunction;

/**
 * Guesses how a sequence goes on, by llama.cpp's {@code common_speculative}, and knows how far it
 * pays. Not thread-safe; closed before its context.
 */
public final class Drafter implements AutoCloseable {
    /**
     * Tokens that must have occurred before. With fewer, much of what is proposed is wrong; with
     * more, much that repeats is not seen.
     */
    private static final int NGRAM = 4;

    private static final int[] NONE = {};

    /** What a further token of a pass takes, as a part of the first, before it is measured. */
    private static final double FURTHER = 0.05;

    private static final double FURTHER_OF_EXPERTS = 0.7;

    /** How the kinds of common_speculative are called. */
    private static final String NGRAMS = "ngram-simple";

    private static final String DRAFT_MODEL = "draft-simple";

    private final NativeHandle handle;
    private final Optional<DraftContext> model;
    private final boolean isMeasured;
    private final DraftLength length;
    private final MemorySegment draft;
    private final Arena arena = Arena.ofShared();

    /**
     * For one sequence.
     *
     * @param kind not {@link Speculation#OFF}
     * @param hasExperts whether a token more reads experts of its own
     * @param model what guesses; empty for n-grams
     */
    public Drafter(
            Context target, Speculation kind, boolean hasExperts, Optional<DraftContext> model) {
        this.model = model;
        isMeasured = kind == Speculation.AUTO;
        length = new DraftLength(isMeasured && hasExperts ? FURTHER_OF_EXPERTS : FURTHER);
        draft = arena.allocate(ValueLayout.JAVA_INT, DraftLength.MOST);
        handle =
                new NativeHandle(
                        "drafter",
                        Shim.pointer(
                                Drafter::failure,
                                model.isPresent() ? "the draft model cannot guess" : "cannot guess",
                                (scope, error) ->
                                        llama_h.bigllama_speculation_create(
                                                scope.allocateFrom(
                                                        model.isPresent() ? DRAFT_MODEL : NGRAMS),
                                                target.pointer(),
                                                model.map(DraftContext::pointer)
                                                        .orElse(MemorySegment.NULL),
                                                DraftLength.MOST,
                                                NGRAM,
                                                0,
                                                error)),
                        llama_h::bigllama_speculation_free);
    }

    private static LlamaException failure(String message) {
        return new SessionException(message, List.of());
    }

    /** A new answer to a prompt begins. */
    public void begin(int[] prompt) {
        call(
                (scope, error) ->
                        llama_h.bigllama_speculation_begin(
                                handle.pointer(), tokens(scope, prompt), prompt.length, error));
    }

    /**
     * Guesses what follows.
     *
     * @param tokens what the KV cache holds
     * @param last the token after those
     * @param most at most so many tokens
     */
    public int[] draft(int[] tokens, int last, int most) {
        int wanted = Math.min(most, length.next());
        if (wanted <= 0) {
            return NONE;
        }
        if (model.isPresent() && !model.get().follow(tokens)) {
            return NONE;
        }
        IntSupplier guess =
                () ->
                        call(
                                (scope, error) ->
                                        llama_h.bigllama_speculation_draft(
                                                handle.pointer(),
                                                tokens(scope, tokens),
                                                tokens.length,
                                                last,
                                                wanted,
                                                draft,
                                                error));
        int count = model.map(m -> m.guess(guess)).orElseGet(guess::getAsInt);
        int[] guessed =
                draft.asSlice(0, (long) count * Integer.BYTES).toArray(ValueLayout.JAVA_INT);
        model.ifPresent(m -> m.guessed(last, guessed));
        return guessed;
    }

    /**
     * A pass has been used.
     *
     * @param drafted tokens of the draft that was computed with it
     * @param accepted how many of those, from the first, were right
     * @param seconds what guessing and computing took
     */
    public void observe(int drafted, int accepted, double seconds) {
        length.observe(drafted, accepted, isMeasured ? seconds : 1 + FURTHER * drafted);
        if (drafted > 0) {
            call(
                    (scope, error) ->
                            llama_h.bigllama_speculation_accept(handle.pointer(), accepted, error));
        }
    }

    private static MemorySegment tokens(Arena scope, int[] tokens) {
        return scope.allocateFrom(ValueLayout.JAVA_INT, tokens);
    }

    private static int call(ToIntBiFunction<Arena, MemorySegment> function) {
        try (Arena scope = Arena.ofConfined()) {
            MemorySegment error = scope.allocate(ValueLayout.ADDRESS);
            int result = function.applyAsInt(scope, error);
            if (result < 0) {
                throw failure("cannot guess: " + Shim.reason(error));
            }
            return result;
        }
    }

    @Override
    public void close() {
        handle.close();
        arena.close();
    }
}
