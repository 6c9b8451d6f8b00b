package io.github.bigllama.internal.arena;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.internal.pagecache.OwnPages;
import io.github.bigllama.internal.pagecache.SlabMemory;
import io.github.bigllama.internal.pieces.PieceMap;
import io.github.bigllama.testing.Models;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@SuppressWarnings("restricted")
class SlotsTest {
    private static final long MIB = 1 << 20;

    private SlabMemory memory;
    private Slots slots;

    @BeforeEach
    void open() throws IOException {
        memory = new SlabMemory(OwnPages.ofThisSystem());
    }

    @AfterEach
    void close() {
        slots.close();
    }

    private void open(int pieces, long length, int mostMoved) throws IOException {
        long[] lengths = new long[pieces];
        Arrays.fill(lengths, length);
        slots = new Slots(lengths, new int[pieces], pieces, memory, mostMoved);
    }

    /** Fills slots as readers do, until there are no more; returns how many pieces are in. */
    private int fill(int pieces) throws IOException {
        int in = 0;
        for (int piece = 0; piece < pieces; piece++) {
            for (Slots.Growth g = slots.growth(); g != null; g = slots.growth()) {
                g.run();
                slots.grown(g, true);
            }
            if (!slots.isIn(piece) && slots.isAvailable(piece)) {
                slots.acquire(piece);
                in++;
            }
        }
        return in;
    }

    @Test
    void slotsAreApartAndWithinTheQuota() throws IOException {
        open(100, MIB, 1000);
        slots.resize(0, 40 * MIB);
        int in = fill(100);
        assertThat(in).isBetween(36, 40);
        assertThat(slots.bytes()).isLessThanOrEqualTo(40 * MIB);
        Set<Long> addresses = new HashSet<>();
        for (int piece = 0; piece < in; piece++) {
            assertThat(slots.address(piece) % OwnPages.pageSize()).isZero();
            addresses.add(slots.address(piece));
        }
        List<Long> sorted = addresses.stream().sorted().toList();
        assertThat(sorted).hasSize(in);
        for (int i = 1; i < in; i++) {
            assertThat(sorted.get(i) - sorted.get(i - 1)).isGreaterThanOrEqualTo(MIB);
        }
        assertThat(slots.isExhausted(99)).isTrue();
    }

    @Test
    void aSlotThatNobodyNeedsIsTakenByTheNextAndTheOldestFirst() throws IOException {
        open(100, MIB, 1000);
        slots.resize(0, 16 * MIB);
        int in = fill(100);
        slots.idle(3);
        slots.idle(2);
        slots.idle(5);
        assertThat(slots.rescue(3)).isTrue();
        assertThat(slots.acquire(50).evicted()).isEqualTo(2);
        assertThat(slots.isIn(2)).isFalse();
        assertThat(slots.rescue(2)).isFalse();
        assertThat(slots.acquire(51).evicted()).isEqualTo(5);
        assertThat(slots.acquire(52)).isNull();
        assertThat(in).isPositive();
    }

    /** As vm.max_map_count may limit it. */
    @Test
    void noMoreAreInThanMayBeMoved() throws IOException {
        open(100, MIB, 7);
        slots.resize(0, 80 * MIB);
        assertThat(fill(100)).isEqualTo(7);
        assertThat(slots.isExhausted(99)).isTrue();
        slots.vacate(0);
        assertThat(slots.isAvailable(99)).isTrue();
    }

    /** The system refuses to move one: not so many are tried again. */
    @Test
    void whatIsRefusedLowersTheLimit() throws IOException {
        open(100, MIB, 10);
        slots.resize(0, 80 * MIB);
        fill(100);
        slots.idle(4);
        Slots.Slot slot = slots.acquire(50);
        slots.refused(50, slot.evicted());
        assertThat(slots.isIn(50)).isFalse();
        assertThat(slots.isIn(4)).isTrue();
        assertThat(slots.rescue(4)).isTrue();
        slots.vacate(4);
        slots.vacate(5);
        assertThat(slots.isAvailable(60)).isTrue();
        slots.acquire(60);
        assertThat(slots.isAvailable(61)).isFalse();
    }

    @Test
    void aSmallerQuotaGivesMemoryBackOnceThePiecesHaveLeft() throws IOException {
        open(100, MIB, 1000);
        slots.resize(0, 64 * MIB);
        int in = fill(100);
        long before = slots.bytes();
        List<Integer> leaving = new ArrayList<>(slots.resize(0, 24 * MIB));
        assertThat(leaving).hasSizeBetween(in / 2, in);
        assertThat(slots.bytes()).isEqualTo(before);
        assertThat(slots.retiring()).containsExactlyInAnyOrderElementsOf(leaving);
        leaving.forEach(slots::vacate);
        assertThat(slots.bytes()).isLessThanOrEqualTo(24 * MIB);
        slots.resize(0, 64 * MIB);
        fill(100);
        assertThat(slots.bytes()).isEqualTo(before);
    }

    /** Wherever pieces leave, no parts of huge pages stay behind. */
    @Test
    void memoryIsWithinTheQuotaHoweverOftenItChanges() throws IOException {
        open(400, 35 * OwnPages.pageSize(), 1000);
        Random random = new Random(1);
        for (int round = 0; round < 50; round++) {
            long quota = random.nextInt(4, 50) * MIB;
            for (int piece : slots.resize(0, quota)) {
                slots.rescue(piece);
                slots.vacate(piece);
            }
            fill(400);
            assertThat(slots.bytes()).isLessThanOrEqualTo(quota);
            long in = IntStream.range(0, 400).filter(slots::isIn).count();
            assertThat(in).isEqualTo(slots.slots(0));
            // Those that are needed least are anywhere.
            random.ints(0, 400).limit(40).filter(slots::isIn).forEach(slots::idle);
        }
    }

    /** Computing finds slots at multiples of their length from the first. */
    @Test
    void allSlotsAreInOneRow() throws IOException {
        long length = 55 * OwnPages.pageSize();
        open(200, length, 1000);
        slots.resize(0, 40 * MIB);
        int in = fill(200);
        // Slabs in the middle go and come back.
        List<Integer> leaving = slots.resize(0, 20 * MIB);
        leaving.forEach(slots::vacate);
        slots.resize(0, 40 * MIB);
        fill(200);
        long first = slots.address(0) - slots.number(0) * length;
        for (int piece = 0; piece < in; piece++) {
            assertThat(slots.address(piece)).isEqualTo(first + slots.number(piece) * length);
            touch(slots.address(piece), length, piece);
        }
        for (int piece = 0; piece < in; piece++) {
            assertThat(isTouched(slots.address(piece), length, piece)).isTrue();
        }
    }

    private static void touch(long address, long length, int piece) {
        MemorySegment.ofAddress(address).reinterpret(length).fill((byte) piece);
    }

    private static boolean isTouched(long address, long length, int piece) {
        MemorySegment slot = MemorySegment.ofAddress(address).reinterpret(length);
        return slot.get(ValueLayout.JAVA_BYTE, 0) == (byte) piece
                && slot.get(ValueLayout.JAVA_BYTE, length - 1) == (byte) piece;
    }

    /** The system has no memory: nothing is counted, and what is there stays. */
    @Test
    void aSlabThatIsRefusedIsNotCounted() throws IOException {
        open(100, 3 * MIB / 2 / OwnPages.pageSize() * OwnPages.pageSize(), 1000);
        slots.resize(0, 40 * MIB);
        Slots.Growth first = slots.growth();
        first.run();
        slots.grown(first, true);
        slots.acquire(0);
        touch(slots.address(0), MIB, 7);
        long before = slots.bytes();
        for (int piece = 1; slots.isAvailable(piece); piece++) {
            slots.acquire(piece);
        }
        slots.grown(slots.growth(), false);
        assertThat(slots.bytes()).isEqualTo(before);
        assertThat(slots.growth()).isNull();
        assertThat(isTouched(slots.address(0), MIB, 7)).isTrue();
        slots.resize(0, 40 * MIB);
        assertThat(slots.growth()).isNotNull();
    }

    @Test
    void lengthsThatDifferByAPageShareSlotsAndOddOnesHaveNone() throws IOException {
        long page = OwnPages.pageSize();
        long[] lengths = new long[101];
        for (int i = 0; i < 100; i++) {
            lengths[i] = 50 * page - i % 2 * page;
        }
        lengths[100] = 3 * page;
        slots = new Slots(lengths, new int[101], 0, memory, 1000);
        assertThat(slots.classCount()).isEqualTo(1);
        assertThat(slots.has(0)).isTrue();
        assertThat(slots.has(1)).isTrue();
        assertThat(slots.has(100)).isFalse();
    }

    /** There is a row for each sixteen weights of experts that there is memory for. */
    @Test
    void expertsOfAWeightAreInOneRowAndManyWeightsInSeveral(@TempDir Path folder)
            throws IOException {
        PieceMap map = new PieceMap(Models.weights(Models.manyExperts(folder)));
        OwnMemory own = new OwnMemory(OwnMemory.Choice.AUTO, OwnPages.ofThisSystem());
        List<Weight> experts =
                map.weights().all().stream().filter(w -> w.use() == Use.EXPERTS).toList();
        long weight = experts.getFirst().size();
        slots = own.slots(map, 31 * weight);
        // Some slices are in a page more than others.
        int lengths = slots.classCount();
        slots.close();
        slots = own.slots(map, 33 * weight);
        assertThat(slots.classCount()).isEqualTo(2 * lengths);
        int[] inClass = new int[2 * lengths];
        for (Weight each : experts) {
            int first = map.first(map.weights().all().indexOf(each));
            for (int piece = first; piece < first + 64; piece++) {
                assertThat(slots.classOf(piece)).isEqualTo(slots.classOf(first));
            }
            inClass[slots.classOf(first)]++;
        }
        assertThat(Arrays.stream(inClass).limit(lengths).sum()).isEqualTo(experts.size() / 2);
    }
}
