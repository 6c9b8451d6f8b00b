package io.github.bigllama.internal.draft;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.LlamaException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.internal.engine.Lane;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.llama.Shim;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.ToIntBiFunction;

/**
 * Drafts from the text before with a kind of llama.cpp's {@code common_speculative}: n-grams, or a
 * draft model, whose context has to follow the text; see {@link ModelDrafts}.
 */
final class TextDrafts implements DraftSource {
    /**
     * The length of n-grams. With shorter ones, many drafts are wrong; with longer ones, many
     * repetitions are missed.
     */
    private static final int NGRAM = 4;

    /**
     * A draft ends before a token that its model finds less likely than this. Computing it and
     * those after it would take longer than the tokens that turn out right save.
     */
    private static final float SURE = 0.4f;

    private static final int ONLY = 0;

    private final NativeHandle handle;
    private final MemorySegment draft;
    private final Arena arena = Arena.ofShared();

    /** Drafts by n-grams. */
    static TextDrafts ofNgrams(Lane target) {
        return new TextDrafts("ngram-simple", target, MemorySegment.NULL);
    }

    /** Drafts by a draft model. */
    static TextDrafts of(DraftContext model, Lane target) {
        return new TextDrafts("draft-simple", target, model.pointer());
    }

    private TextDrafts(String kind, Lane target, MemorySegment model) {
        draft = arena.allocate(ValueLayout.JAVA_INT, DraftLength.MOST);
        handle =
                new NativeHandle(
                        "drafter",
                        Shim.pointer(
                                TextDrafts::failure,
                                model.address() != 0
                                        ? "the draft model cannot draft tokens"
                                        : "cannot draft tokens",
                                (scope, error) ->
                                        llama_h.bigllama_speculation_create(
                                                scope.allocateFrom(kind),
                                                target.pointer(),
                                                model,
                                                1,
                                                DraftLength.MOST,
                                                NGRAM,
                                                SURE,
                                                error)),
                        llama_h::bigllama_speculation_free);
    }

    private static LlamaException failure(String message) {
        return new SessionException(message, List.of());
    }

    @Override
    public void begin(int[] prompt) {
        call(
                (scope, error) ->
                        llama_h.bigllama_speculation_begin(
                                handle.pointer(),
                                ONLY,
                                tokens(scope, prompt),
                                prompt.length,
                                error));
    }

    @Override
    public int most() {
        return DraftLength.MOST;
    }

    @Override
    public int[] draft(int[] tokens, int last, int most) {
        int count =
                call(
                        (scope, error) ->
                                llama_h.bigllama_speculation_draft(
                                        handle.pointer(),
                                        ONLY,
                                        tokens(scope, tokens),
                                        tokens.length,
                                        last,
                                        most,
                                        draft,
                                        error));
        return draft.asSlice(0, (long) count * Integer.BYTES).toArray(ValueLayout.JAVA_INT);
    }

    @Override
    public boolean isFree() {
        return true;
    }

    @Override
    public void accepted(int count) {
        call(
                (scope, error) ->
                        llama_h.bigllama_speculation_accept(handle.pointer(), ONLY, count, error));
    }

    private static MemorySegment tokens(Arena scope, int[] tokens) {
        return scope.allocateFrom(ValueLayout.JAVA_INT, tokens);
    }

    private static int call(ToIntBiFunction<Arena, MemorySegment> function) {
        return Shim.number(TextDrafts::failure, "cannot draft tokens", function);
    }

    @Override
    public void close() {
        handle.close();
        arena.close();
    }
}
