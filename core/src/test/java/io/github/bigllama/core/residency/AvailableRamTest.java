package io.github.bigllama.core.residency;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AvailableRamTest {
    private static final String V1_MOUNT =
            "40 30 0:35 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n";
    private static final String V2_MOUNT =
            "41 30 0:36 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

    @TempDir Path root;

    @BeforeEach
    void meminfo() throws IOException {
        file("proc/meminfo", "MemTotal: 64000000 kB\nMemAvailable:   50000 kB\nCached: 1 kB\n");
    }

    @Test
    void withoutCgroupsTheMachineDecides() {
        assertThat(AvailableRam.linux(root).read().bytes()).isEqualTo(50_000L * 1024);
        assertThat(AvailableRam.linux(root).source()).contains("system");
    }

    @Test
    void theTightestOfNestedVersion1Groups() throws IOException {
        file("proc/self/mountinfo", V1_MOUNT);
        file("proc/self/cgroup", "5:cpu:/x\n4:memory:/outer/inner\n");
        v1("sys/fs/cgroup/memory", "9223372036854771712", 1, 0);
        v1("sys/fs/cgroup/memory/outer", "30000000", 25_000_000, 4_000_000);
        v1("sys/fs/cgroup/memory/outer/inner", "40000000", 10_000_000, 1_000_000);
        AvailableRam.Reading reading = AvailableRam.linux(root).read();
        assertThat(reading.bytes()).isEqualTo(9_000_000);
        assertThat(reading.source()).endsWith("/sys/fs/cgroup/memory/outer");
    }

    @Test
    void version2CountsMaxAndHighUpTheHierarchy() throws IOException {
        file("proc/self/mountinfo", V2_MOUNT);
        file("proc/self/cgroup", "0::/user/app\n");
        v2("sys/fs/cgroup/user", "max", "20000000", 15_000_000, 3_000_000);
        v2("sys/fs/cgroup/user/app", "30000000", "max", 10_000_000, 0);
        assertThat(AvailableRam.linux(root).bytes()).isEqualTo(8_000_000);
    }

    @Test
    void bothVersionsAtOnce() throws IOException {
        file("proc/self/mountinfo", V1_MOUNT + V2_MOUNT.replace("/sys/fs/cgroup ", "/sys/fs/u "));
        file("proc/self/cgroup", "4:memory,hugetlb:/a\n0::/b\n");
        v1("sys/fs/cgroup/memory/a", "7000000", 1_000_000, 500_000);
        v2("sys/fs/u/b", "max", "max", 1, 0);
        assertThat(AvailableRam.linux(root).bytes()).isEqualTo(6_500_000);
    }

    @Test
    void aContainerSeesItsOwnGroupAtTheMount() throws IOException {
        file(
                "proc/self/mountinfo",
                "40 30 0:35 /docker/c1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
        file("proc/self/cgroup", "4:memory:/docker/c1\n");
        v1("sys/fs/cgroup/memory", "8000000", 2_000_000, 0);
        assertThat(AvailableRam.linux(root).bytes()).isEqualTo(6_000_000);
        file("proc/self/cgroup", "4:memory:/not/to/be/seen\n");
        assertThat(AvailableRam.linux(root).bytes()).isEqualTo(6_000_000);
    }

    @Test
    void nonsenseLimitsNothing() throws IOException {
        file("proc/self/mountinfo", "x\n - \n" + V1_MOUNT);
        file("proc/self/cgroup", "what\n4:memory:/a\n");
        file("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "soon\n");
        file("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "99999999999999999999999\n");
        assertThat(AvailableRam.linux(root).bytes()).isEqualTo(50_000L * 1024);
    }

    @Test
    void aLimitThatIsLoweredIsSeen() throws IOException {
        file("proc/self/mountinfo", V1_MOUNT);
        file("proc/self/cgroup", "4:memory:/a\n");
        v1("sys/fs/cgroup/memory/a", "9000000", 1_000_000, 0);
        AvailableRam ram = AvailableRam.linux(root);
        assertThat(ram.bytes()).isEqualTo(8_000_000);
        v1("sys/fs/cgroup/memory/a", "3000000", 1_000_000, 0);
        assertThat(ram.bytes()).isEqualTo(2_000_000);
        v1("sys/fs/cgroup/memory/a", "500000", 1_000_000, 0);
        assertThat(ram.bytes()).isZero();
    }

    @Test
    void aThreadThatWasInterruptedSeesTheSame() {
        Thread.currentThread().interrupt();
        try {
            assertThat(AvailableRam.linux(root).bytes()).isEqualTo(50_000L * 1024);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void vmStatOfMacOs() {
        String text =
                """
                Mach Virtual Memory Statistics: (page size of 16384 bytes)
                Pages free:                               10000.
                Pages active:                            400000.
                Pages inactive:                          390000.
                Pages speculative:                         2000.
                File-backed pages:                        50000.
                """;
        assertThat(AvailableRam.vmStat(text).bytes()).isEqualTo(60_000L * 16384);
        assertThat(AvailableRam.vmStat("").bytes()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void thisMachineHasSome() {
        assertThat(AvailableRam.ofThisProcess().bytes()).isBetween(1L << 20, 1L << 50);
    }

    private void v1(String folder, String limit, long usage, long files) throws IOException {
        file(folder + "/memory.limit_in_bytes", limit + "\n");
        file(folder + "/memory.usage_in_bytes", usage + "\n");
        file(
                folder + "/memory.stat",
                String.format(
                        Locale.ROOT,
                        "inactive_file 77\ntotal_inactive_file %d\ntotal_active_file %d\n",
                        files / 4,
                        files - files / 4));
    }

    private void v2(String folder, String max, String high, long usage, long files)
            throws IOException {
        file(folder + "/memory.max", max + "\n");
        file(folder + "/memory.high", high + "\n");
        file(folder + "/memory.current", usage + "\n");
        file(
                folder + "/memory.stat",
                String.format(Locale.ROOT, "anon 5\ninactive_file %d\nactive_file 0\n", files));
    }

    private void file(String path, String text) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }
}
