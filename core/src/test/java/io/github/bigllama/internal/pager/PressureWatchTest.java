package io.github.bigllama.internal.pager;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Memory goes back before the system would swap it. */
class PressureWatchTest {
    private static final long MB = 1_000_000;

    @Test
    void howMuchGoesBackDependsOnHowFastItIsTaken() {
        try (PressureWatch watch = new PressureWatch(() -> -500 * MB, bytes -> {})) {
            assertThat(watch.toGiveBack(-500 * MB, 0)).isZero();
            assertThat(watch.toGiveBack(20 * MB, 0)).isZero();
            // However much there was before: what is missing was taken since, and it may go on.
            assertThat(watch.toGiveBack(100 * MB, 0)).isEqualTo(400 * MB);
            // What is swapped is missing, whatever the system says that it can spare.
            assertThat(watch.toGiveBack(-10 * MB, 50 * MB)).isEqualTo(100 * MB);
            assertThat(watch.toGiveBack(-10 * MB, 1)).isEqualTo(32L << 20);
        }
    }
}
