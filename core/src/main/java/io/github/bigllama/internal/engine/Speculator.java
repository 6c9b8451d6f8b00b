package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.LlamaException;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.llama.Shim;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.Function;
import java.util.function.ToIntBiFunction;

/**
 * A {@code common_speculative} of llama.cpp: drafts what may follow a text. For one thread at a
 * time.
 */
public final class Speculator implements AutoCloseable {
    /** What is said of each failure. */
    private static final String ACTION = "cannot draft tokens";

    private final Function<String, LlamaException> failure;
    private final NativeHandle handle;
    private final Arena arena = Arena.ofShared();

    /** The tokens of a draft. */
    private final MemorySegment draft;

    /**
     * How it drafts.
     *
     * @param kind its name in llama.cpp
     * @param sequences the number of sequences that it may draft for
     * @param most the most tokens of a draft
     * @param ngram the length of n-grams
     * @param sure a draft ends before a token that is less likely than this
     */
    public record Kind(String kind, int sequences, int most, int ngram, float sure) {}

    /**
     * Creates one.
     *
     * @param target the context that computes drafts, which must be closed later
     * @param model the context that drafts, which must be closed later; NULL if there is none
     * @param failure makes an exception of a message
     * @throws LlamaException as of {@code failure}, if llama.cpp can't draft this way
     */
    public Speculator(
            Kind kind,
            MemorySegment target,
            MemorySegment model,
            Function<String, LlamaException> failure) {
        this.failure = failure;
        handle =
                new NativeHandle(
                        "drafter",
                        Shim.pointer(
                                failure,
                                ACTION,
                                (scope, error) ->
                                        llama_h.bigllama_speculation_create(
                                                scope.allocateFrom(kind.kind),
                                                target,
                                                model,
                                                kind.sequences,
                                                kind.most,
                                                kind.ngram,
                                                kind.sure,
                                                error)),
                        llama_h::bigllama_speculation_free);
        draft = arena.allocate(ValueLayout.JAVA_INT, kind.most);
    }

    /** Begins a text. */
    public void begin(int sequence, int[] prompt) {
        call(
                (scope, error) ->
                        llama_h.bigllama_speculation_begin(
                                handle.pointer(),
                                sequence,
                                tokens(scope, prompt),
                                prompt.length,
                                error));
    }

    /** Computes what the target has just computed. */
    void follow(Batch batch) {
        call(
                (scope, error) ->
                        llama_h.bigllama_speculation_follow(
                                handle.pointer(), batch.struct(), error));
    }

    /**
     * Drafts tokens.
     *
     * @param tokens those in the target's memory
     * @param last the token after those
     * @param most the most tokens to draft
     */
    public int[] draft(int sequence, int[] tokens, int last, int most) {
        int count =
                call(
                        (scope, error) ->
                                llama_h.bigllama_speculation_draft(
                                        handle.pointer(),
                                        sequence,
                                        tokens(scope, tokens),
                                        tokens.length,
                                        last,
                                        most,
                                        draft,
                                        error));
        return draft.asSlice(0, (long) count * Integer.BYTES).toArray(ValueLayout.JAVA_INT);
    }

    /** Notes how many tokens of the last draft were right. */
    public void accepted(int sequence, int count) {
        call(
                (scope, error) ->
                        llama_h.bigllama_speculation_accept(
                                handle.pointer(), sequence, count, error));
    }

    private static MemorySegment tokens(Arena scope, int[] tokens) {
        return scope.allocateFrom(ValueLayout.JAVA_INT, tokens);
    }

    private int call(ToIntBiFunction<Arena, MemorySegment> function) {
        return Shim.number(failure, ACTION, function);
    }

    @Override
    public void close() {
        if (!handle.isClosed()) {
            handle.close();
            arena.close();
        }
    }
}
