package io.github.bigllama.internal.pager;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.residency.PassStats;
import org.junit.jupiter.api.Test;

class WindowControlTest {
    private static final long USUAL = 100 << 20;
    private static final long LEAST = 16 << 20;

    private final WindowControl control = new WindowControl(USUAL, LEAST);

    @Test
    void growsWhileComputingAndReadingWaitForEachOther() {
        for (int i = 0; i < 50; i++) {
            control.observe(pass(30, 70));
        }
        assertThat(control.next()).isEqualTo(2 * USUAL);
    }

    @Test
    void shrinksWhileTheDiskIsNeverIdle() {
        for (int i = 0; i < 50; i++) {
            control.observe(pass(60, 100));
        }
        assertThat(control.next()).isEqualTo(USUAL / 4 * 3);
    }

    @Test
    void shrinksWhileComputingNeverWaits() {
        for (int i = 0; i < 50; i++) {
            control.observe(pass(0, 40));
        }
        assertThat(control.next()).isEqualTo(USUAL / 4 * 3);
    }

    @Test
    void staysWhereBothAreBusyEnough() {
        control.observe(pass(4, 96));
        assertThat(control.next()).isEqualTo(USUAL);
        control.observe(new PassStats(1, 100, 0, 0, 50, 10, 0, 0, 0, 0));
        assertThat(control.next()).isEqualTo(USUAL);
    }

    @Test
    void isNeverLessThanTheLeast() {
        WindowControl small = new WindowControl(LEAST, LEAST);
        small.observe(pass(0, 40));
        assertThat(small.next()).isEqualTo(LEAST);
    }

    /** A pass of 100 ns that read something. */
    private static PassStats pass(long stalled, long reading) {
        return new PassStats(1, 100, 1000, 0, stalled, reading, 0, 0, 0, 0);
    }
}
