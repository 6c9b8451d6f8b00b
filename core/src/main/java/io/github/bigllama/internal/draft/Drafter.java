package io.github.bigllama.internal.draft;

import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.internal.engine.Lane;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Drafts the continuation of a sequence with llama.cpp's {@code common_speculative}, as far as it
 * pays. Not thread-safe; must be closed before its context.
 */
public final class Drafter implements AutoCloseable {
    /**
     * The time of a further token in a pass, as a fraction of that of the first, before it is
     * measured.
     */
    private static final double FURTHER = 0.05;

    private static final double FURTHER_OF_EXPERTS = 0.7;

    /**
     * Which pass in a row without drafts is compared with. The experts of tokens that were drafted
     * in vain have taken the place of others, so that the first passes after them read more.
     */
    private static final int SETTLED = 1;

    private static final int SETTLED_WITH_EXPERTS = 4;

    /** The assumed probability that a drafted token is right, before any is known to be. */
    private static final double CHANCE = 0.6;

    /** The same for drafts by layers, which end where they are not sure. */
    private static final double CHANCE_OF_SURE = 0.9;

    private final DraftSource source;
    private final boolean isMeasured;
    private final DraftLength length;

    /** Whether a draft was looked for since the last pass. */
    private boolean tried;

    /**
     * Creates the drafter of a sequence: by the draft model if there is one, else by the layers of
     * the model itself if its context has such, else by n-grams.
     *
     * @param kind not {@link Speculation#OFF}
     * @param hasExperts whether each further token reads other experts
     * @param model the draft model's context; null for none
     * @param isEnd whether a token ends an answer
     */
    public Drafter(
            Lane target,
            Speculation kind,
            boolean hasExperts,
            @Nullable DraftContext model,
            IntPredicate isEnd) {
        this(source(target, model, isEnd), kind == Speculation.AUTO, hasExperts);
    }

    private static DraftSource source(
            Lane target, @Nullable DraftContext model, IntPredicate isEnd) {
        if (model != null) {
            return new ModelDrafts(target, model, isEnd);
        }
        return target.hasMtp() ? new MtpDrafts(target) : TextDrafts.ofNgrams(target);
    }

    Drafter(DraftSource source, boolean isMeasured, boolean hasExperts) {
        this.source = source;
        this.isMeasured = isMeasured;
        boolean readsMore = isMeasured && hasExperts;
        length =
                new DraftLength(
                        source.isFree() ? CHANCE : CHANCE_OF_SURE,
                        readsMore ? FURTHER_OF_EXPERTS : FURTHER,
                        readsMore ? SETTLED_WITH_EXPERTS : SETTLED);
    }

    /** Begins an answer to a prompt. */
    public void begin(int[] prompt) {
        source.begin(prompt);
    }

    /**
     * Drafts the following tokens.
     *
     * @param tokens the tokens in the KV cache
     * @param last the token after those
     * @param most the most tokens to draft
     */
    public int[] draft(int[] tokens, int last, int most) {
        int wanted = Math.min(Math.min(most, source.most()), length.next());
        tried = wanted > 0;
        return tried ? source.draft(tokens, last, wanted) : DraftSource.NONE;
    }

    /**
     * Learns from a pass.
     *
     * @param drafted number of drafted tokens that were computed in it
     * @param accepted number of the first ones that were right
     * @param seconds time for drafting and computing
     */
    public void observe(int drafted, int accepted, double seconds) {
        // One that ended before its first token took as long as one of a wrong token.
        int computed = drafted == 0 && tried && !source.isFree() ? 1 : drafted;
        double cost = tried ? seconds - source.catchingUp() : seconds;
        length.observe(computed, accepted, isMeasured ? cost : 1 + FURTHER * computed);
        tried = false;
        if (drafted > 0) {
            source.accepted(accepted);
        }
    }

    @Override
    public void close() {
        source.close();
    }
}
