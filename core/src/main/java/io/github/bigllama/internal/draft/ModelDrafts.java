package io.github.bigllama.internal.draft;

import io.github.bigllama.internal.engine.Lane;
import java.util.Arrays;
import java.util.function.IntPredicate;

/**
 * Drafts by a draft model, a token at a time: as long as it is sure of the next one, and up to the
 * end of the answer.
 */
final class ModelDrafts implements DraftSource {
    private final Lane target;
    private final DraftContext model;
    private final TextDrafts text;
    private final IntPredicate isEnd;
    private double catchingUp;

    /**
     * Prepares drafts for a sequence.
     *
     * @param isEnd whether a token ends an answer
     */
    ModelDrafts(Lane target, DraftContext model, IntPredicate isEnd) {
        this.target = target;
        this.model = model;
        this.isEnd = isEnd;
        text = TextDrafts.of(model, target);
    }

    @Override
    public void begin(int[] prompt) {
        text.begin(prompt);
    }

    @Override
    public int most() {
        return text.most();
    }

    @Override
    public int[] draft(int[] tokens, int last, int most) {
        // The two models compute in turns, each with all cores.
        target.pause();
        try {
            return follow(tokens) ? guess(tokens, last, most) : NONE;
        } finally {
            model.rest();
        }
    }

    private boolean follow(int[] tokens) {
        boolean isFromPass = model.missing(tokens) <= 1 + DraftLength.MOST;
        long start = System.nanoTime();
        boolean follows = model.follow(tokens);
        catchingUp = isFromPass ? 0 : (System.nanoTime() - start) / 1e9;
        return follows;
    }

    private int[] guess(int[] tokens, int last, int most) {
        int[] all = Arrays.copyOf(tokens, tokens.length + most + 1);
        all[tokens.length] = last;
        int count = 0;
        while (count < most) {
            int[] known = Arrays.copyOf(all, tokens.length + count);
            int before = all[known.length];
            int found = model.guess(before, () -> next(known, before, all));
            count += found;
            if (found == 0 || isEnd.test(all[known.length + 1])) {
                break;
            }
        }
        return Arrays.copyOfRange(all, tokens.length + 1, tokens.length + 1 + count);
    }

    /** Writes the next token after a text and a further token, if the model is sure of it. */
    private int next(int[] known, int last, int[] all) {
        int[] next = text.draft(known, last, 1);
        System.arraycopy(next, 0, all, known.length + 1, next.length);
        return next.length;
    }

    @Override
    public boolean isFree() {
        return false;
    }

    @Override
    public double catchingUp() {
        return catchingUp;
    }

    @Override
    public void accepted(int count) {
        text.accepted(count);
    }

    @Override
    public void close() {
        text.close();
    }
}
