package io.github.bigllama.testing;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.residency.Residency;

/** What a model has read before its first pass. */
public final class WarmUp {
    private WarmUp() {}

    /** Waits until all that is to stay is in RAM; no pass must be what brings it there. */
    public static void await(Residency residency) throws InterruptedException {
        // The plan counts the bytes between weights, too.
        long kept = residency.plan().kept() * 99 / 100;
        assertThat(kept).isGreaterThan(5_000_000);
        for (int i = 0; i < 1000 && residency.map(1).resident() < kept; i++) {
            Thread.sleep(10);
        }
        assertThat(residency.map(1).resident()).isGreaterThanOrEqualTo(kept);
        assertThat(residency.lastPass()).isEmpty();
    }
}
