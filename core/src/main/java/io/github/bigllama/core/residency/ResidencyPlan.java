package io.github.bigllama.core.residency;

import java.util.Locale;

/**
 * Which part of a model stays in RAM and which passes through it, for a given amount of RAM.
 * Immutable.
 *
 * <p>Passes over a dense model are a cyclic scan. For such a scan no policy has more hits than
 * keeping a fixed set does (Belady), and any fixed set of the same size is as good as another, as
 * long as the rest is spread evenly: then the disk is never idle. So an even share of every layer
 * is kept. Of a model with experts, the weights that every token uses are kept first; the RAM that
 * is left is a cache of experts.
 *
 * @param weights bytes of all weights
 * @param active bytes of weights that a token uses
 * @param weightRam bytes of RAM for weights
 * @param window bytes of {@code weightRam} for weights that pass through
 * @param kept bytes that stay of the weights that every token uses
 * @param experts bytes for the cache of experts; 0 for a dense model
 * @param streamed bytes that a token has to read; for experts, the average if all are equally
 *     likely
 */
public record ResidencyPlan(
        long weights,
        long active,
        long weightRam,
        long window,
        long kept,
        long experts,
        long streamed) {
    /** Whether all weights stay in RAM. */
    public boolean isComplete() {
        return streamed == 0;
    }

    /** The plan in one line for users; GB are 10^9 bytes. */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "weights %s, RAM for them %s: keeps %s%s, reads %s of %s per token",
                gigabytes(weights),
                gigabytes(weightRam),
                gigabytes(kept),
                experts > 0 ? " and " + gigabytes(experts) + " of experts" : "",
                gigabytes(streamed),
                gigabytes(active));
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, bytes < 1e9 ? "%.3f GB" : "%.2f GB", bytes / 1e9);
    }
}
