package io.github.bigllama.internal.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CpuTimesTest {
    private static final long SECOND = 1_000_000_000;

    @TempDir Path root;
    private int uptime = 100;

    @BeforeEach
    void aSystem() throws IOException {
        write("proc/self/status", "Name:\tjava\nCpus_allowed:\tf\nCpus_allowed_list:\t0-3\n");
        self("java", 50, 20, 0);
        stat(0, 0, 0);
    }

    private void write(String file, String text) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, text);
    }

    private void self(String name, int user, int system, int nice) throws IOException {
        write(
                "proc/self/stat",
                String.format(
                        Locale.ROOT,
                        "77 (%s) S 1 2 3 4 5 6 7 8 9 10 %d %d 0 0 20 %d 9 0 1234\n",
                        name,
                        user,
                        system,
                        nice));
    }

    /** Eight CPUs, of which the last four are not ours and always busy. */
    private void stat(int user, int nice, int steal) throws IOException {
        StringBuilder text = new StringBuilder("cpu  1 2 3 4 5 6 7 8 9 10\n");
        for (int cpu = 0; cpu < 8; cpu++) {
            int idle = 100 * uptime - user - nice - steal;
            text.append(
                    cpu < 4
                            ? String.format(
                                    Locale.ROOT,
                                    "cpu%d %d %d 0 %d 40 0 0 %d 7 7\n",
                                    cpu,
                                    user,
                                    nice,
                                    idle - 40,
                                    steal)
                            : String.format(
                                    Locale.ROOT,
                                    "cpu%d %d 0 0 0 0 0 0 0 0 0\n",
                                    cpu,
                                    100 * uptime));
        }
        write("proc/stat", text + "intr 12345 0 0\nctxt 99\n");
    }

    private CpuTimes read(Path... groups) {
        return CpuTimes.read(root, List.of(groups), uptime * SECOND).orElseThrow();
    }

    private static double taken(CpuTimes before, CpuTimes after, int physical, int usable) {
        return after.takenSince(before, physical, usable).orElseThrow();
    }

    @Test
    void whatOthersComputeOnOurCpusIsTaken() throws IOException {
        CpuTimes before = read();
        uptime++;
        // Each of four CPUs busy for 0.75 s, of which 1.5 s are our own.
        stat(75, 0, 0);
        self("a (strange) name", 170, 50, 0);
        assertThat(taken(before, read(), 4, 4)).isCloseTo(1.5, within(1e-9));
    }

    @Test
    void coresThatAQuotaLeavesIdleAreForOthers() throws IOException {
        CpuTimes before = read();
        uptime++;
        stat(75, 0, 0);
        assertThat(taken(before, read(), 4, 2)).isCloseTo(1, within(1e-9));
        assertThat(taken(before, read(), 4, 1)).isZero();
    }

    @Test
    void whoGivesWayTakesNothing() throws IOException {
        CpuTimes before = read();
        uptime++;
        stat(0, 100, 0);
        assertThat(taken(before, read(), 4, 4)).isZero();
    }

    @Test
    void whoGivesWayAsWeDoTakesTheSame() throws IOException {
        self("java", 50, 20, 10);
        CpuTimes before = read();
        uptime++;
        stat(0, 50, 0);
        assertThat(taken(before, read(), 4, 4)).isCloseTo(2, within(1e-9));
    }

    @Test
    void whatTheHypervisorTakesIsNoProcess() throws IOException {
        CpuTimes before = read();
        uptime++;
        stat(25, 0, 50);
        assertThat(taken(before, read(), 4, 4)).isCloseTo(1, within(1e-9));
    }

    @Test
    void moreThanAllOursIsNothing() throws IOException {
        CpuTimes before = read();
        uptime++;
        stat(0, 0, 0);
        self("java", 90, 20, 0);
        assertThat(taken(before, read(), 4, 4)).isZero();
    }

    @Test
    void aWindowWithoutLengthSaysNothing() {
        assertThat(read().takenSince(read(), 4, 4)).isEmpty();
    }

    @Test
    void aQuotaIsSharedWithinItsGroup() throws IOException {
        Path group = root.resolve("sys/fs/cgroup/box");
        write("sys/fs/cgroup/box/cpu.max", "250000 100000\n");
        write("sys/fs/cgroup/box/cpu.stat", "nr_periods 1\nusage_usec 5000000\n");
        CpuTimes before = read(group);
        uptime++;
        // 0.5 s are ours, others in the group had 1.25 s, and nobody else computes.
        stat(44, 0, 0);
        self("java", 100, 20, 0);
        write("sys/fs/cgroup/box/cpu.stat", "nr_periods 1\nusage_usec 6750000\n");
        assertThat(taken(before, read(group), 4, 3)).isCloseTo(1.25, within(1e-9));
        assertThat(taken(before, read(group), 4, 2)).isCloseTo(0.25, within(1e-9));
    }

    @Test
    void ofVersionOneToo() throws IOException {
        Path group = root.resolve("cpu/box");
        write("cpu/box/cpu.cfs_quota_us", "400000\n");
        write("cpu/box/cpu.cfs_period_us", "100000\n");
        write("cpu/box/cpuacct.usage", "5000000000\n");
        CpuTimes before = read(group);
        uptime++;
        stat(0, 0, 0);
        write("cpu/box/cpuacct.usage", "7000000000\n");
        assertThat(taken(before, read(group), 4, 4)).isCloseTo(2, within(1e-9));
    }

    @ParameterizedTest
    @ValueSource(strings = {"max 100000", "", "-1 100000", "nonsense"})
    void noQuotaLimitsNothing(String limit) throws IOException {
        Path group = root.resolve("sys/fs/cgroup");
        write("sys/fs/cgroup/cpu.max", limit);
        write("sys/fs/cgroup/cpu.stat", "usage_usec 1\n");
        assertThat(read(group).groups()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"proc/stat", "proc/self/stat", "proc/self/status"})
    void whatIsMissingOrStrangeIsNoError(String file) throws IOException {
        for (String text : List.of("", "nonsense", "cpu0 a b c d", "(x) S", "\n\n", "cpu0")) {
            write(file, text);
            assertThat(CpuTimes.read(root, List.of(), 0)).as(text).isEmpty();
        }
        Files.delete(root.resolve(file));
        assertThat(CpuTimes.read(root, List.of(), 0)).isEmpty();
    }

    @Test
    void aSystemWithoutSuchFilesSaysNothing() {
        assertThat(CpuTimes.read(root.resolve("none"), List.of(), 0)).isEmpty();
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void whatARealProcessHasHadIsTaken() throws Exception {
        Path system = Path.of("/");
        int cpus = CpuTopology.allowedCpus(system).cardinality();
        Process busy = new ProcessBuilder("sh", "-c", "while :; do :; done").start();
        try {
            Optional<CpuTimes> before = CpuTimes.read(system, List.of(), System.nanoTime());
            double had = -busy.info().totalCpuDuration().orElseThrow().toNanos();
            Thread.sleep(2000);
            had += busy.info().totalCpuDuration().orElseThrow().toNanos();
            Optional<CpuTimes> after = CpuTimes.read(system, List.of(), System.nanoTime());
            double cores = had / (after.orElseThrow().nanos() - before.orElseThrow().nanos());
            // Others may compute too.
            assertThat(taken(before.get(), after.get(), cpus, cpus))
                    .isBetween(cores - 0.1, cpus + 0.1);
            assertThat(cores).isGreaterThan(0.05);
        } finally {
            busy.destroyForcibly();
        }
    }
}
