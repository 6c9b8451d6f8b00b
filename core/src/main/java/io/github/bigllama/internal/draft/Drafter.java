package io.github.bigllama.internal.draft;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.LlamaException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.internal.engine.Lane;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.llama.Shim;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.IntSupplier;
import java.util.function.ToIntBiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Drafts the continuation of a sequence with llama.cpp's {@code common_speculative}, as far as it
 * pays. Not thread-safe; must be closed before its context.
 */
public final class Drafter implements AutoCloseable {
    /**
     * The length of n-grams. With shorter ones, many drafts are wrong; with longer ones, many
     * repetitions are missed.
     */
    private static final int NGRAM = 4;

    private static final int[] NONE = {};

    /**
     * The time of a further token in a pass, as a fraction of that of the first, before it is
     * measured.
     */
    private static final double FURTHER = 0.05;

    private static final double FURTHER_OF_EXPERTS = 0.7;

    /** The names of the kinds in common_speculative. */
    private static final String NGRAMS = "ngram-simple";

    private static final String DRAFT_MODEL = "draft-simple";

    private final NativeHandle handle;
    private final @Nullable DraftContext model;
    private final boolean isMeasured;
    private final DraftLength length;
    private final MemorySegment draft;
    private final Arena arena = Arena.ofShared();

    /**
     * Creates the drafter of a sequence.
     *
     * @param kind not {@link Speculation#OFF}
     * @param hasExperts whether each further token reads other experts
     * @param model the draft model's context; null for n-grams
     */
    public Drafter(
            Lane target, Speculation kind, boolean hasExperts, @Nullable DraftContext model) {
        this.model = model;
        isMeasured = kind == Speculation.AUTO;
        length = new DraftLength(isMeasured && hasExperts ? FURTHER_OF_EXPERTS : FURTHER);
        draft = arena.allocate(ValueLayout.JAVA_INT, DraftLength.MOST);
        handle =
                new NativeHandle(
                        "drafter",
                        Shim.pointer(
                                Drafter::failure,
                                model != null
                                        ? "the draft model cannot draft tokens"
                                        : "cannot draft tokens",
                                (scope, error) ->
                                        llama_h.bigllama_speculation_create(
                                                scope.allocateFrom(
                                                        model != null ? DRAFT_MODEL : NGRAMS),
                                                target.pointer(),
                                                model == null
                                                        ? MemorySegment.NULL
                                                        : model.pointer(),
                                                DraftLength.MOST,
                                                NGRAM,
                                                0,
                                                error)),
                        llama_h::bigllama_speculation_free);
    }

    private static LlamaException failure(String message) {
        return new SessionException(message, List.of());
    }

    /** Begins an answer to a prompt. */
    public void begin(int[] prompt) {
        call(
                (scope, error) ->
                        llama_h.bigllama_speculation_begin(
                                handle.pointer(), tokens(scope, prompt), prompt.length, error));
    }

    /**
     * Drafts the following tokens.
     *
     * @param tokens the tokens in the KV cache
     * @param last the token after those
     * @param most the most tokens to draft
     */
    public int[] draft(int[] tokens, int last, int most) {
        int wanted = Math.min(most, length.next());
        if (wanted <= 0) {
            return NONE;
        }
        if (model != null && !model.follow(tokens)) {
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
        int count = model == null ? guess.getAsInt() : model.guess(guess);
        int[] guessed =
                draft.asSlice(0, (long) count * Integer.BYTES).toArray(ValueLayout.JAVA_INT);
        if (model != null) {
            model.guessed(last, guessed);
        }
        return guessed;
    }

    /**
     * Learns from a pass.
     *
     * @param drafted number of drafted tokens that were computed in it
     * @param accepted number of the first ones that were right
     * @param seconds time for drafting and computing
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
        return Shim.number(Drafter::failure, "cannot draft tokens", function);
    }

    @Override
    public void close() {
        handle.close();
        arena.close();
    }
}
