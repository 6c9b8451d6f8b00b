package io.github.bigllama.internal.draft;

import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.internal.engine.Lane;
import io.github.bigllama.internal.engine.Speculator;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Drafts from the text before: by n-grams, or by a draft model, whose context has to follow the
 * text; see {@link ModelDrafts}.
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

    private final Speculator speculator;

    /** Drafts by n-grams. */
    static TextDrafts ofNgrams(Lane target) {
        return new TextDrafts("ngram-simple", target, MemorySegment.NULL);
    }

    /** Drafts by a draft model. */
    static TextDrafts of(DraftContext model, Lane target) {
        return new TextDrafts("draft-simple", target, model.pointer());
    }

    private TextDrafts(String kind, Lane target, MemorySegment model) {
        speculator =
                new Speculator(
                        new Speculator.Kind(kind, 1, DraftLength.MOST, NGRAM, SURE),
                        target.pointer(),
                        model,
                        message -> failure(model, message));
    }

    private static SessionException failure(MemorySegment model, String message) {
        boolean byModel = !model.equals(MemorySegment.NULL);
        return new SessionException(byModel ? "draft model: " + message : message, List.of());
    }

    @Override
    public void begin(int[] prompt) {
        speculator.begin(ONLY, prompt);
    }

    @Override
    public int most() {
        return DraftLength.MOST;
    }

    @Override
    public int[] draft(int[] tokens, int last, int most) {
        return speculator.draft(ONLY, tokens, last, most);
    }

    @Override
    public boolean isFree() {
        return true;
    }

    @Override
    public void accepted(int count) {
        speculator.accepted(ONLY, count);
    }

    @Override
    public void close() {
        speculator.close();
    }
}
