package io.github.bigllama.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.output.ProgressLine;
import org.junit.jupiter.api.Test;

/** The numbers of a download on its way. */
class PullProgressTest {
    private static final long SECOND = 1_000_000_000L;
    private static final long GB = 1_000_000_000L;

    private static String state(PullProgress progress, double gigabytes, long second) {
        return progress.state((long) (gigabytes * GB), 100 * GB, null, second * SECOND);
    }

    @Test
    void whatGoesOnIsJudgedByWhatComesNow() {
        try (ProgressLine line = new ProgressLine(System.err)) {
            PullProgress progress = new PullProgress("m", line);
            // Ninety were there before.
            assertThat(state(progress, 90, 0)).isEqualTo("90.00 GB of 100.00 GB, 90 %");
            assertThat(state(progress, 91, 10))
                    .isEqualTo("91.00 GB of 100.00 GB, 91 %, 100.0 MB/s, 90 s left");
            // It has become slow.
            for (int i = 1; i <= 30; i++) {
                state(progress, 91 + i * 0.001, 10 + i);
            }
            assertThat(state(progress, 91.031, 41))
                    .isEqualTo("91.03 GB of 100.00 GB, 91 %, 1.0 MB/s, 2 h 29 min left");
            assertThat(
                            progress.state(
                                    91 * GB,
                                    100 * GB,
                                    "waiting as the server asked: 8 s left",
                                    50 * SECOND))
                    .isEqualTo(
                            "91.00 GB of 100.00 GB, 91 %, waiting as the server asked: 8 s "
                                    + "left");
        }
    }
}
