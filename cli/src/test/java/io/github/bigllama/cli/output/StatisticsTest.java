package io.github.bigllama.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.core.residency.ResidencyStats;
import org.junit.jupiter.api.Test;

class StatisticsTest {
    private static final long SECOND = 1_000_000_000;

    private static ResidencyStats read(long bytes, long ofMirror, long hits, long misses) {
        return ResidencyStats.none(8_000_000_000L)
                .plus(
                        new PassStats(
                                1,
                                SECOND,
                                bytes,
                                ofMirror,
                                SECOND / 2,
                                SECOND,
                                hits,
                                misses,
                                4_000_000_000L,
                                0));
    }

    @Test
    void saysWhatWasRead() {
        assertThat(Statistics.residency(read(2_000_000_000L, 0, 0, 0)))
                .isEqualTo(
                        "50 % in RAM, 2.00 GB read per token through the page cache at 2.00 GB/s, "
                                + "disk-bound: 50 % of the time spent waiting for weights");
    }

    @Test
    void saysWhatTheMirrorGave() {
        assertThat(Statistics.residency(read(2_000_000_000L, 500_000_000, 0, 0)))
                .contains("2.00 GB read per token, 25 % from the mirror, through the page cache");
    }

    @Test
    void saysHowManyExpertsWereThere() {
        assertThat(Statistics.residency(read(2_000_000_000L, 0, 3, 1)))
                .endsWith("; 75 % of experts found in RAM");
    }
}
