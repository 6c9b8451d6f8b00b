package io.github.bigllama.core.residency;

import java.util.Locale;

/**
 * What of a model stays in RAM and what passes through, for one amount of RAM. Immutable.
 *
 * <p>A pass over a dense model is a cyclic scan. Of such a scan no policy keeps more than a fixed
 * set does (Belady), and any fixed set of a size is as good as another, as long as the rest is
 * spread evenly: then the disk is never idle. So an even share of every layer is kept. Of a model
 * with experts, what every token uses is kept first; what RAM is left is a cache of experts.
 *
 * @param weights bytes of all weights
 * @param active bytes of weights that a token uses
 * @param weightRam bytes of RAM for weights
 * @param window bytes of {@code weightRam} for what passes through
 * @param kept bytes of what every token uses that stay
 * @param experts bytes for a cache of experts; 0 for a dense model
 * @param streamed bytes that a token has to read, on average if all experts are equally likely
 */
public record ResidencyPlan(
        long weights,
        long active,
        long weightRam,
        long window,
        long kept,
        long experts,
        long streamed) {
    /** Whether everything stays. */
    public boolean isComplete() {
        return streamed == 0;
    }

    /** One line for a user, in GB of 10^9 bytes. */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "weights %s, RAM for them %s: keeps %s%s, reads %s of %s for a token",
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
