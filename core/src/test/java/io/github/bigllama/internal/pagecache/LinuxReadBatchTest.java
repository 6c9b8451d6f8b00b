package io.github.bigllama.internal.pagecache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs(OS.LINUX)
class LinuxReadBatchTest {
    private static final int EBADF = 9;
    private static final int EFAULT = 14;
    private static final long PART = 4 * OwnPages.pageSize();

    @TempDir private Path folder;

    private final Arena arena = Arena.ofConfined();
    private final byte[] content = new byte[Math.toIntExact(20 * PART + 100)];
    private MemorySegment memory;
    private OwnPages system;
    private int file;
    private ReadBatch batch;

    @BeforeEach
    void open() throws IOException {
        new Random(1).nextBytes(content);
        Path path = Files.write(folder.resolve("file"), content);
        system = OwnPages.ofThisSystem();
        memory = arena.allocate(8 * PART, OwnPages.pageSize());
        try {
            file = system.open(path);
        } catch (IOException e) {
            assumeTrue(false, e.getMessage());
        }
        batch = system.openBatch();
        assumeTrue(batch != null, "io_setup is refused here");
    }

    @AfterEach
    void close() {
        if (batch != null) {
            batch.close();
            PosixMemory.close(file);
        }
        arena.close();
    }

    private DirectRead read(int place, long offset) {
        return new DirectRead(file, memory.address() + place * PART, PART, offset);
    }

    /** What each of the reads has given, once. */
    private List<Long> counts(List<DirectRead> reads) {
        TreeMap<Integer, Long> counts = new TreeMap<>();
        batch.read(reads, (index, count) -> assertThat(counts.putIfAbsent(index, count)).isNull());
        assertThat(counts.keySet()).hasSize(reads.size());
        return List.copyOf(counts.values());
    }

    private void compare(int place, long offset, long length) {
        MemorySegment expected = MemorySegment.ofArray(content).asSlice(offset, length);
        assertThat(memory.asSlice(place * PART, length).mismatch(expected)).isEqualTo(-1);
    }

    @Test
    void readsWhatIsInTheFile() {
        Random random = new Random(2);
        for (int round = 0; round < 100; round++) {
            memory.fill((byte) 0);
            List<DirectRead> reads = new ArrayList<>();
            for (int i = 0; i < 1 + round % batch.most(); i++) {
                reads.add(read(i, random.nextInt(20) * PART));
            }
            assertThat(counts(reads)).containsOnly(PART);
            for (int i = 0; i < reads.size(); i++) {
                compare(i, reads.get(i).offset(), PART);
            }
        }
    }

    @Test
    void theEndOfTheFileIsAShortRead() {
        assertThat(counts(List.of(read(0, 20 * PART), read(1, 0), read(2, 21 * PART))))
                .containsExactly(100L, PART, 0L);
        compare(0, 20 * PART, 100);
        compare(1, 0, PART);
    }

    /** Those after a read that is refused at once are read all the same. */
    @Test
    void aReadThatFailsDoesNotStopTheOthers() {
        DirectRead closed = new DirectRead(1 << 20, memory.address() + PART, PART, 0);
        DirectRead nowhere = new DirectRead(file, OwnPages.pageSize(), PART, 0);
        assertThat(counts(List.of(closed, read(0, 0), closed, nowhere, read(3, PART))))
                .containsExactly((long) -EBADF, PART, (long) -EBADF, (long) -EFAULT, PART);
        compare(0, 0, PART);
        compare(3, PART, PART);
    }
}
