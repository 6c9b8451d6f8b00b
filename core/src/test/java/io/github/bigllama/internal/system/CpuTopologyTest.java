package io.github.bigllama.internal.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CpuTopologyTest {
    @TempDir Path root;

    /** Four cores of two threads each, numbered as most systems do. */
    private void system(String allowed) throws IOException {
        Files.createDirectories(root.resolve("proc/self"));
        Files.writeString(
                root.resolve("proc/self/status"), "Cpus_allowed_list:\t" + allowed + "\n");
        for (int cpu = 0; cpu < 8; cpu++) {
            Path topology = root.resolve("sys/devices/system/cpu/cpu" + cpu + "/topology");
            Files.createDirectories(topology);
            Files.writeString(
                    topology.resolve("thread_siblings_list"), cpu % 4 + "," + (cpu % 4 + 4) + "\n");
        }
        Files.createDirectories(root.resolve("sys/devices/system/cpu/cpufreq"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"0-7 | 4", "0-3 | 4", "0,4 | 1", "0-1,4-5 | 2", "7 | 1", "2-3,5 | 3"})
    void threadsOfACoreAreOneCore(String allowed, int cores) throws IOException {
        system(allowed);
        assertThat(CpuTopology.allowedCores(root)).isEqualTo(cores);
    }

    @ParameterizedTest
    @CsvSource({"nonsense", "3-", "-1", "5-2", "99999999999"})
    void aListThatIsNoneLimitsNothing(String allowed) throws IOException {
        system(allowed);
        assertThat(CpuTopology.allowedCpus(root).isEmpty()).isTrue();
        assertThat(CpuTopology.allowedCores(root)).isEqualTo(4);
    }

    @Test
    void aSystemThatDoesNotTellHasNone() {
        assertThat(CpuTopology.allowedCores(root)).isZero();
    }
}
