package io.github.bigllama.internal.pagecache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Moves parts of a mapped file to own memory, and back. */
@SuppressWarnings("restricted")
class OwnFileTest {
    private static final int SIZE = 8 << 20;
    private static final long PART = 20 * OwnPages.pageSize();

    @TempDir Path folder;

    private final Arena arena = Arena.ofShared();
    private final byte[] content = new byte[SIZE];
    private Path path;
    private MemorySegment mapping;
    private OwnPages system;
    private SlabMemory.Range memory;
    private long slab;
    private MappedFile cached;

    @BeforeEach
    void map() throws IOException {
        new Random(1).nextBytes(content);
        path = Files.write(folder.resolve("weights"), content);
        system = OwnPages.ofThisSystem();
        memory = new SlabMemory(system).reserve(SlabMemory.HUGE);
        memory.take(0, SlabMemory.HUGE);
        slab = memory.address();
        try (FileChannel channel = FileChannel.open(path)) {
            mapping = channel.map(MapMode.READ_ONLY, 0, SIZE, arena);
        }
        try {
            system.unit(path);
        } catch (IOException e) {
            assumeTrue(false, "the folder for temporary files knows no direct reading");
        }
    }

    @AfterEach
    void unmap() {
        if (cached != null) {
            cached.close();
        }
        arena.close();
        memory.close();
    }

    private OwnFile open(OwnPages pages) throws IOException {
        cached = MappedFile.of(path, mapping.address(), 0);
        cached.expect(0, SIZE);
        return new OwnFile(pages, cached, mapping.address(), List.of());
    }

    private void isTheFile() {
        assertThat(mapping.mismatch(MemorySegment.ofArray(content))).isEqualTo(-1);
    }

    @Test
    void theSelfCheckPasses() throws IOException {
        try (OwnFile file = open(system)) {
            file.checkMoving(slab, 3 * OwnPages.pageSize(), PART);
            file.checkMoving(slab, 0, PART);
        }
        isTheFile();
    }

    @Test
    void aPartShowsItsSlotUntilItIsEvicted() throws IOException {
        byte[] other = new byte[SIZE];
        try (OwnFile file = open(system)) {
            file.fill(slab, PART, PART);
            isTheFile();
            // Writing to the file now shows in the mapping of the file, and not in the slot.
            try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
                channel.write(ByteBuffer.wrap(other));
            }
            assertThat(mapping.get(ValueLayout.JAVA_BYTE, PART - 1)).isZero();
            assertThat(mapping.get(ValueLayout.JAVA_BYTE, 2 * PART)).isZero();
            assertThat(mapping.asSlice(PART, PART).toArray(ValueLayout.JAVA_BYTE))
                    .isEqualTo(Arrays.copyOfRange(content, (int) PART, (int) (2 * PART)));
            file.evict(slab, PART, PART);
            assertThat(mapping.mismatch(MemorySegment.ofArray(other))).isEqualTo(-1);
        }
    }

    /** Many evictions of each part, in all slots, from several threads. */
    @Test
    void afterManyEvictionsEverythingIsStillTheFile() throws Exception {
        int parts = 24;
        int slots = 6;
        try (OwnFile file = open(system)) {
            Thread[] threads = new Thread[2];
            Throwable[] failures = new Throwable[2];
            for (int t = 0; t < threads.length; t++) {
                int thread = t;
                threads[t] =
                        Thread.ofPlatform()
                                .start(
                                        () -> {
                                            try {
                                                for (int i = 0; i < 200 * parts / 2; i++) {
                                                    int part = 2 * (i * 7 % (parts / 2)) + thread;
                                                    int slot = 2 * (i % (slots / 2)) + thread;
                                                    long at = slab + slot * PART;
                                                    file.fill(at, part * PART, PART);
                                                    long last = (part + 1) * PART - 1;
                                                    assertThat(
                                                                    mapping.get(
                                                                            ValueLayout.JAVA_BYTE,
                                                                            last))
                                                            .isEqualTo(content[(int) last]);
                                                    file.evict(at, part * PART, PART);
                                                }
                                            } catch (Throwable e) {
                                                failures[thread] = e;
                                            }
                                        });
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(failures).containsOnlyNulls();
        }
        isTheFile();
    }

    /** The addresses beside a slot that is moved in can't be taken by another mapping. */
    @Test
    void theAddressOfASlotStaysReserved() throws Exception {
        assumeTrue(System.getProperty("os.name").equals("Linux"), "reads /proc");
        try (OwnFile file = open(system)) {
            file.fill(slab, PART, PART);
            assertThat(isMapped(slab)).isTrue();
            file.evict(slab, PART, PART);
            assertThat(isMapped(slab)).isTrue();
        }
    }

    private static boolean isMapped(long address) throws IOException {
        return Files.readAllLines(Path.of("/proc/self/maps")).stream()
                .map(line -> line.split("[- ]"))
                .anyMatch(
                        range ->
                                Long.parseUnsignedLong(range[0], 16) <= address
                                        && address < Long.parseUnsignedLong(range[1], 16));
    }

    @Test
    void aFileThatWasCutShortIsAnError() throws IOException {
        try (OwnFile file = open(system)) {
            try (RandomAccessFile cut = new RandomAccessFile(path.toFile(), "rw")) {
                cut.setLength(PART + PART / 2);
            }
            assertThatThrownBy(() -> file.fill(slab, PART, PART))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("cut short")
                    .hasMessageContaining("weights");
        }
    }

    /** A disk whose blocks are larger than a page. */
    @ParameterizedTest
    @ValueSource(ints = {2, 4})
    void theUnitIsWhatTheFileSystemTakes(int pages) throws IOException {
        long block = pages * OwnPages.pageSize();
        assertThat(new Coarse(system, block).unit(path)).isEqualTo(block);
        assertThat(system.unit(path)).isEqualTo(OwnPages.pageSize());
    }

    @Test
    void aBlockThatIsTooLargeIsAnError() {
        assertThatThrownBy(() -> new Coarse(system, 1 << 20).unit(path))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("can't be read past the page cache");
    }

    /** /proc is not a file system that reads past the page cache. */
    @Test
    void aFileSystemWithoutDirectReadingIsAnError() {
        assumeTrue(System.getProperty("os.name").equals("Linux"), "there is no /proc elsewhere");
        assertThatThrownBy(() -> system.unit(Path.of("/proc/self/status")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("past the page cache");
    }

    @Test
    void whatDoesNotMoveIsFoundByTheSelfCheck() throws IOException {
        OwnPages still =
                new DelegatingPages(system) {
                    @Override
                    void moveIn(long slot, long place, long length) throws IOException {
                        super.moveIn(slot, place, length);
                        MemorySegment.ofAddress(place)
                                .reinterpret(length)
                                .set(ValueLayout.JAVA_BYTE, 7, (byte) ~content[(int) PART + 7]);
                    }
                };
        try (OwnFile file = open(still)) {
            assertThatThrownBy(() -> file.checkMoving(slab, PART, PART))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("filled in");
            file.evict(slab, PART, PART);
        }
        OwnPages stays =
                new DelegatingPages(system) {
                    @Override
                    void giveBack(long place, long slot, long length, int file, long offset)
                            throws IOException {
                        super.giveBack(place, slot, length, file, offset + length);
                    }
                };
        try (OwnFile file = open(stays)) {
            assertThatThrownBy(() -> file.checkMoving(slab, PART, PART))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("evicted");
        }
    }

    @Test
    void aMoveThatTheSystemRefusesLeavesTheFile() throws IOException {
        OwnPages refuses =
                new DelegatingPages(system) {
                    @Override
                    void moveIn(long slot, long place, long length) throws IOException {
                        throw new IOException("too many mappings");
                    }
                };
        try (OwnFile file = open(refuses)) {
            assertThatThrownBy(() -> file.fill(slab, PART, PART))
                    .isInstanceOf(OwnFile.MoveException.class);
        }
        isTheFile();
    }

    /** A move that is refused late has unmapped the place. */
    @Test
    void aPlaceThatIsEmptyAfterARefusalShowsTheFileAgain() throws IOException {
        OwnPages refuses =
                new DelegatingPages(system) {
                    @Override
                    void moveIn(long slot, long place, long length) throws IOException {
                        PosixMemory.unmap(place, length);
                        throw new IOException("no memory");
                    }
                };
        try (OwnFile file = open(refuses)) {
            assertThatThrownBy(() -> file.fill(slab, PART, PART))
                    .isInstanceOf(OwnFile.MoveException.class);
        }
        isTheFile();
    }

    /**
     * Another thread's mapping has come there since: it is not overwritten, and not computed with.
     */
    @Test
    void aPlaceThatIsAnothersIsLost() throws IOException {
        assumeTrue(System.getProperty("os.name").equals("Linux"), "reads /proc");
        OwnPages refuses =
                new DelegatingPages(system) {
                    @Override
                    void moveIn(long slot, long place, long length) throws IOException {
                        super.moveIn(slot, place, length);
                        MemorySegment.ofAddress(place).reinterpret(length).fill((byte) 7);
                        throw new IOException("no memory");
                    }
                };
        try (OwnFile file = open(refuses)) {
            assertThatThrownBy(() -> file.fill(slab, PART, PART))
                    .isInstanceOf(OwnFile.LostException.class)
                    .hasMessageContaining("weights")
                    .hasMessageContaining("load the model again");
            MemorySegment place = mapping.asSlice(PART, PART);
            assertThat(place.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 7);
        }
    }

    /** Each mapping counts against vm.max_map_count, of the JVM too. */
    @Test
    void whatHasBeenEvictedIsOneMappingWithItsNeighbours() throws IOException {
        assumeTrue(System.getProperty("os.name").equals("Linux"), "reads /proc");
        try (OwnFile file = open(system)) {
            for (int part = 0; part < 60; part += 2) {
                file.fill(slab, part * PART, PART);
                file.evict(slab, part * PART, PART);
            }
            assertThat(mappings()).isEqualTo(1);
        }
    }

    private long mappings() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/maps")).stream()
                .mapToLong(line -> Long.parseUnsignedLong(line.split("-")[0], 16))
                .filter(from -> from >= mapping.address() && from < mapping.address() + SIZE)
                .count();
    }

    @Test
    void whereMemoryIsAccountedStrictlyThereIsNone() throws IOException {
        Path overcommit = folder.resolve("overcommit_memory");
        assertThat(LinuxOwnPages.isStrict(Files.writeString(overcommit, "2\n"))).isTrue();
        assertThat(LinuxOwnPages.isStrict(Files.writeString(overcommit, "0\n"))).isFalse();
        assertThat(LinuxOwnPages.isStrict(folder.resolve("none"))).isFalse();
    }

    private static final class Coarse extends DelegatingPages {
        private final long block;

        Coarse(OwnPages system, long block) {
            super(system);
            this.block = block;
        }

        @Override
        long read(int file, long address, long length, long offset) {
            boolean fits = offset % block == 0 && length % block == 0 && address % block == 0;
            return fits ? super.read(file, address, length, offset) : -22;
        }
    }
}
