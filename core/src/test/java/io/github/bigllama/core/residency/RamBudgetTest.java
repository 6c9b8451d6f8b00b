package io.github.bigllama.core.residency;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

public class RamBudgetTest {
    /** A budget of a Linux whose files are under a folder. */
    public static RamBudget of(Path root) {
        return new RamBudget(OptionalLong.empty(), AvailableRam.linux(root));
    }

    private static final long RESERVE = RamBudget.RESERVE;

    @TempDir Path root;

    /** A budget that always leaves this many bytes for weights. */
    public static RamBudget ofWeights(long bytes) {
        try {
            Path folder = Files.createTempDirectory("bigllama-ram");
            write(folder, bytes + RESERVE + (bytes + RESERVE) / 2047);
            return new RamBudget(OptionalLong.empty(), AvailableRam.linux(folder));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The RAM that the system says it can spare. */
    public static void write(Path root, long available) throws IOException {
        Path file = root.resolve("proc/meminfo");
        Files.createDirectories(file.getParent());
        Files.writeString(
                file, String.format(Locale.ROOT, "MemAvailable: %d kB%n", available / 1024));
    }

    @Test
    void weightsGetWhatIsLeft() throws IOException {
        write(root, 10_000_000_000L);
        RamBudget budget = new RamBudget(OptionalLong.empty(), AvailableRam.linux(root));
        long all = budget.weightRam(0);
        assertThat(all).isBetween(9_900_000_000L, 9_980_000_000L);
        assertThat(budget.weightRam(1_000_000_000)).isEqualTo(all - 1_000_000_000);
    }

    @Test
    void aLimitOfTheUserIsForTheWholeProcess() throws IOException {
        write(root, 10_000_000_000L);
        RamBudget budget = new RamBudget(OptionalLong.of(4_000_000_000L), AvailableRam.linux(root));
        assertThat(budget.weightRam(0))
                .isLessThan(4_000_000_000L - AvailableRam.anonymousBytes() / 2);
        RamBudget more = new RamBudget(OptionalLong.of(40_000_000_000L), AvailableRam.linux(root));
        assertThat(more.weightRam(0)).isLessThan(10_000_000_000L);
    }

    @Test
    void saysWhatTheRamIsForAndWhereItsLimitComesFrom() throws IOException {
        write(root, 10_000_000_000L);
        AvailableRam ram = AvailableRam.linux(root);
        assertThat(new RamBudget(OptionalLong.of(4_000_000_000L), ram).explanation(1_000_000_000))
                .isEqualTo(
                        "the limit of 4.000 GB is for the whole process (weights, KV cache, buffers, "
                                + "Java, llama.cpp, and a reserve of 0.07 GB), so give 5.001 GB or more");
        for (OptionalLong limit : List.of(OptionalLong.empty(), OptionalLong.of(40_000_000_000L))) {
            assertThat(new RamBudget(limit, ram).explanation(1_000_000_000))
                    .isEqualTo(
                            "RAM is limited by the memory that the system can spare, which leaves "
                                    + "10.00 GB; 0.07 GB of it are kept free");
        }
    }

    @Test
    void smallChangesAreNoNews() throws IOException {
        write(root, 10_000_000_000L);
        RamBudget budget = new RamBudget(OptionalLong.empty(), AvailableRam.linux(root));
        long before = budget.weightRam(0);
        write(root, 10_050_000_000L);
        assertThat(budget.changed(before, 0)).isEmpty();
        write(root, 9_900_000_000L);
        assertThat(budget.changed(before, 0)).isPresent();
        write(root, 12_000_000_000L);
        assertThat(budget.changed(before, 0)).isPresent();
    }
}
