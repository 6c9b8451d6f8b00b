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
import java.util.function.IntSupplier;
import java.util.function.ToIntBiFunction;
import org.jspecify.annotations.Nullable;

/** Drafts from the text before: by n-grams, or by a draft model. */
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

    /** The names of the kinds in common_speculative. */
    private static final String NGRAMS = "ngram-simple";

    private static final String DRAFT_MODEL = "draft-simple";

    private static final int ONLY = 0;

    private final NativeHandle handle;
    private final @Nullable DraftContext model;
    private final MemorySegment draft;
    private final Arena arena = Arena.ofShared();

    /**
     * Prepares drafts for a sequence.
     *
     * @param model the draft model's context; null for n-grams
     */
    TextDrafts(Lane target, @Nullable DraftContext model) {
        this.model = model;
        draft = arena.allocate(ValueLayout.JAVA_INT, DraftLength.MOST);
        handle =
                new NativeHandle(
                        "drafter",
                        Shim.pointer(
                                TextDrafts::failure,
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
        if (model != null && !model.follow(tokens)) {
            return NONE;
        }
        IntSupplier guess =
                () ->
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
        int count = model == null ? guess.getAsInt() : model.guess(guess);
        int[] guessed =
                draft.asSlice(0, (long) count * Integer.BYTES).toArray(ValueLayout.JAVA_INT);
        if (model != null) {
            model.guessed(last, guessed);
        }
        return guessed;
    }

    @Override
    public boolean isFree() {
        return model == null;
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
