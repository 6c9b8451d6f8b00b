package io.github.bigllama.internal.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class FreeCoresTest {
    private static final long MILLISECOND = 1_000_000;

    private long now;

    /** Seconds that others have computed until now, for all CPUs together. */
    private double others;

    private boolean isKnown = true;

    private FreeCores cores(int physical, int usable) {
        return new FreeCores(physical, usable, () -> now, this::times);
    }

    /** Ticks are microseconds; all that is not others' is our own. */
    private Optional<CpuTimes> times(long nanos) {
        double wall = nanos / 1000.0;
        long own = (long) wall;
        return isKnown
                ? Optional.of(
                        new CpuTimes(nanos, wall, own + (long) (1e6 * others), own, List.of()))
                : Optional.empty();
    }

    private int after(FreeCores cores, int millis, double busy) {
        now += millis * MILLISECOND;
        others += millis / 1000.0 * busy;
        return cores.count();
    }

    @Test
    void aloneItIsAllOfThem() {
        FreeCores cores = cores(8, 8);
        assertThat(cores.count()).isEqualTo(8);
        assertThat(after(cores, 600, 0)).isEqualTo(8);
        assertThat(after(cores, 600, 0.3)).isEqualTo(8);
    }

    @Test
    void whatOthersKeepBusyIsNotFree() {
        FreeCores cores = cores(8, 8);
        assertThat(after(cores, 600, 1)).isEqualTo(7);
        assertThat(after(cores, 600, 3)).isEqualTo(5);
        assertThat(after(cores, 600, 3)).isEqualTo(5);
        assertThat(after(cores, 600, 1)).isEqualTo(7);
        assertThat(after(cores, 600, 0)).isEqualTo(8);
    }

    @Test
    void oneIsAlwaysFree() {
        FreeCores cores = cores(2, 2);
        assertThat(after(cores, 600, 2)).isEqualTo(1);
        assertThat(after(cores, 600, 5)).isEqualTo(1);
    }

    @Test
    void whoSharesACoreWithUsTakesIt() {
        FreeCores cores = cores(2, 2);
        assertThat(after(cores, 600, 0.55)).isEqualTo(1);
        // Alone on it now.
        assertThat(after(cores, 600, 1)).isEqualTo(1);
    }

    @Test
    void whatIsNearTheMiddleChangesNothing() {
        FreeCores idle = cores(4, 4);
        for (double busy : List.of(0.35, 0.3, 0.39, 0.0, 0.35)) {
            assertThat(after(idle, 600, busy)).isEqualTo(4);
        }
        FreeCores loaded = cores(4, 4);
        assertThat(after(loaded, 600, 1)).isEqualTo(3);
        for (double busy : List.of(0.35, 0.5, 1.3, 0.35)) {
            assertThat(after(loaded, 600, busy)).isEqualTo(3);
        }
    }

    @Test
    void aMomentIsNotLooked() {
        FreeCores cores = cores(4, 4);
        assertThat(after(cores, 400, 4)).isEqualTo(4);
        // A window of 500 ms, of which 400 were busy.
        assertThat(after(cores, 100, 0)).isEqualTo(1);
    }

    @Test
    void aBusyMachineOfWhichWeMayUseAPartHasThatPart() {
        FreeCores cores = cores(64, 4);
        assertThat(after(cores, 600, 58)).isEqualTo(4);
        assertThat(after(cores, 600, 62)).isEqualTo(2);
        assertThat(after(cores, 600, 64)).isEqualTo(1);
    }

    @Test
    void whereNothingIsKnownAllAreFree() {
        isKnown = false;
        FreeCores cores = cores(4, 4);
        assertThat(cores.count()).isEqualTo(4);
        assertThat(after(cores, 600, 4)).isEqualTo(4);
    }

    @Test
    void whatIsNoLongerKnownIsNoError() {
        FreeCores cores = cores(4, 4);
        assertThat(after(cores, 600, 1)).isEqualTo(3);
        isKnown = false;
        assertThat(after(cores, 600, 4)).isEqualTo(4);
        assertThat(after(cores, 600, 4)).isEqualTo(4);
    }
}
