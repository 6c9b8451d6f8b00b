package io.github.bigllama.internal.pager;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.residency.PassStats;
import org.junit.jupiter.api.Test;

class ExpertSwitchTest {
    private static final long SECOND = 1_000_000_000;

    /** One token computes 0.1 s; the disk has 2 GB/s. */
    private final ExpertSwitch byBytes = new ExpertSwitch(1_000_000_000);

    @Test
    void fewMissingExpertsAreReadAlone() {
        assertThat(byBytes.isWide(16, 3e9, 0.5e9)).isFalse();
    }

    @Test
    void nearlyAllExpertsAreReadBesideTheComputation() {
        assertThat(byBytes.isWide(16, 3e9, 2.6e9)).isTrue();
    }

    @Test
    void longComputationsHideAllReads() {
        assertThat(byBytes.isWide(512, 3e9, 0.5e9)).isTrue();
    }

    @Test
    void tokensThatChooseAlikeReadLess() {
        assertThat(byBytes.isWide(16, 3e9, 2e9)).isTrue();
        for (int layer = 0; layer < 200; layer++) {
            byBytes.observe(20, 40);
        }
        assertThat(byBytes.isWide(16, 3e9, 2e9)).isFalse();
    }

    @Test
    void aDiskThatIsSlowerMakesBytesCount() {
        assertThat(byBytes.isWide(16, 3e9, 1.8e9)).isTrue();
        for (int i = 0; i < 20; i++) {
            byBytes.observe(pass(1, SECOND / 10, 100_000_000, SECOND), true);
        }
        assertThat(byBytes.isWide(16, 3e9, 1.8e9)).isFalse();
    }

    @Test
    void batchesThatComputeSlowlyHideReads() {
        assertThat(byBytes.isWide(16, 2e9, 0.2e9)).isFalse();
        for (int i = 0; i < 20; i++) {
            byBytes.observe(pass(1, SECOND, 0, 0), false);
            byBytes.observe(pass(16, 16 * SECOND, 0, 0), false);
        }
        assertThat(byBytes.isWide(16, 2e9, 0.2e9)).isTrue();
    }

    /** Passes that choose experts read them while they compute, or wait for all of them. */
    @Test
    void chosenExpertsThatWereReadBesideTheComputationCostLess() {
        assertThat(byBytes.isWide(16, 3e9, 2.6e9)).isTrue();
        for (int i = 0; i < 20; i++) {
            byBytes.observe(pass(1, SECOND / 10, 200_000_000, SECOND / 10, 0), false);
        }
        assertThat(byBytes.isWide(16, 6e9, 5.2e9)).isFalse();
        // With more tokens, nothing is predicted.
        byBytes.observe(pass(64, SECOND, 200_000_000, SECOND / 10, SECOND / 10), false);
        assertThat(byBytes.isWide(16, 6e9, 5.2e9)).isFalse();
        assertThat(byBytes.isWide(64, 6e9, 5.2e9)).isTrue();
        for (int i = 0; i < 20; i++) {
            byBytes.observe(pass(1, SECOND / 5, 200_000_000, SECOND / 10, SECOND / 10), false);
        }
        assertThat(byBytes.isWide(16, 6e9, 5.2e9)).isTrue();
    }

    private static PassStats pass(int tokens, long nanos, long bytesRead, long readNanos) {
        return pass(tokens, nanos, bytesRead, readNanos, 0);
    }

    private static PassStats pass(
            int tokens, long nanos, long bytesRead, long readNanos, long stallNanos) {
        return new PassStats(tokens, nanos, bytesRead, 0, stallNanos, readNanos, 0, 0, 0, 0);
    }
}
