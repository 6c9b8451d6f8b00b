package io.github.bigllama.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import org.jline.utils.AttributedString;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a line of progress says, and how wide it is. */
class ProgressLineTest {
    private static String fit(String name, int columns) {
        return new ProgressLine.Text("pulling ", name, ": 1.2 GB of 40.1 GB, 3 %").fit(columns);
    }

    @Test
    void aNameKeepsItsEnd() {
        assertThat(fit("owner/model-Q8_0", 80))
                .isEqualTo("pulling owner/model-Q8_0: 1.2 GB of 40.1 GB, 3 %");
        assertThat(fit("owner-with-a-long-name/model-Q8_0", 45))
                .isEqualTo("pulling …e/model-Q8_0: 1.2 GB of 40.1 GB, 3 %")
                .hasSize(45);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 10, 30, 40, 59, 79, 119, 199})
    void itIsNeverWiderThanTheTerminal(int columns) {
        for (String name : new String[] {"m", "甲乙丙".repeat(30), "x/".repeat(100)}) {
            assertThat(new AttributedString(fit(name, columns)).columnLength())
                    .as(fit(name, columns))
                    .isLessThanOrEqualTo(columns);
        }
    }

    @Test
    void durations() {
        assertThat(Eta.duration(0.2)).isEqualTo("1 s");
        assertThat(Eta.duration(87.4)).isEqualTo("87 s");
        assertThat(Eta.duration(600)).isEqualTo("10 min");
        assertThat(Eta.duration(7200)).isEqualTo("2 h");
        assertThat(Eta.duration(12_000)).isEqualTo("3 h 20 min");
        assertThat(Eta.duration(400_000)).isEqualTo("4 days");
    }

    /** Nine tenths were there before: the last one is not done in a moment. */
    @Test
    void whatWasThereBeforeIsNotFast() throws InterruptedException {
        Eta eta = new Eta();
        assertThat(eta.text(0.90)).isEqualTo("90 %");
        Thread.sleep(1000);
        // 1 % took a second, and 9 % are left.
        assertThat(eta.text(0.91)).matches("91 %, (8|9|10) s left");
    }
}
