package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.testing.ChildJvm;
import io.github.bigllama.testing.DamagedModels;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Properties that only show from outside the JVM: it survives, and does not grow. */
class ProcessTest {
    private static final int COPIES = 500;

    @Test
    void fiveHundredDamagedCopiesGiveAnErrorOrAnswersButNeverADeadJvm(@TempDir Path dir)
            throws Exception {
        ChildJvm.Result child =
                ChildJvm.run(
                        DamagedModels.class,
                        List.of("-Xmx256m", "-XX:-CreateCoredumpOnCrash"),
                        dir.toString(),
                        "0",
                        Integer.toString(COPIES));
        assertThat(child.exitCode()).as("%s", tail(child.output())).isZero();
        assertThat(child.output().lines().filter(line -> line.startsWith("copy "))).hasSize(COPIES);
        // llama.cpp's messages go to its logger, not to stderr.
        assertThat(child.output().lines()).allMatch(line -> line.matches("(copy|refused) .*"));
        // All three kinds happen, or the damage is not what it is meant to be.
        assertThat(child.output().lines().toList().getLast())
                .matches("refused [1-9]\\d*, failed [1-9]\\d*, working [1-9]\\d*");
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void twoHundredCyclesOfLoadingAndClosingDoNotGrow() throws Exception {
        ChildJvm.Result child =
                ChildJvm.run(
                        LoadCloseCycles.class,
                        List.of("-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
        assertThat(child.exitCode()).as("%s", tail(child.output())).isZero();
        long grown = Long.parseLong(child.output().replaceAll("[^-\\d]", ""));
        // A leaked model takes 4 MB per cycle, a leaked context 5 MB.
        assertThat(grown).isLessThan(20L << 20);
    }

    private static String tail(String output) {
        List<String> lines = output.lines().toList();
        return String.join("\n", lines.subList(Math.max(0, lines.size() - 30), lines.size()));
    }
}
