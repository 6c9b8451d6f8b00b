package io.github.bigllama.internal.pager;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.core.residency.RamBudget;
import io.github.bigllama.core.residency.RamBudgetTest;
import io.github.bigllama.core.residency.ResidencyPlan;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.arena.OwnMemory;
import io.github.bigllama.internal.arena.OwnMemory.Choice;
import io.github.bigllama.internal.pagecache.FaultyPages;
import io.github.bigllama.internal.pagecache.OwnPages;
import io.github.bigllama.internal.pieces.PieceMap;
import io.github.bigllama.internal.pieces.PlanRules;
import io.github.bigllama.testing.Models;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Passes with weights in own memory; the mapping always shows the bytes of the file, and slots
 * those of the experts in them.
 */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
@SuppressWarnings("restricted")
class OwnPagerTest {
    @TempDir Path folder;

    private final Arena arena = Arena.ofShared();
    private Pager pager;
    private Pass pass;
    private Weights weights;
    private MemorySegment mapping;
    private byte[] content;
    private long total;

    /** How often all experts that were chosen were in slots. */
    private int inSlots;

    @BeforeEach
    void onlyWhereTheTemporaryFolderCanBeReadDirectly() throws IOException {
        Path file = Files.write(folder.resolve("probe"), new byte[1 << 20]);
        try {
            OwnPages.ofThisSystem().unit(file);
        } catch (IOException e) {
            assumeTrue(false, e.getMessage());
        }
    }

    @AfterEach
    void close() {
        if (pager != null) {
            pager.close();
        }
        arena.close();
    }

    /** A pager with this many bytes of RAM for weights. */
    private void open(Path path, long ram, Choice choice) throws IOException {
        open(path, ram, choice, OwnPages.ofThisSystem());
    }

    private void open(Path path, long ram, OwnPages system, Path mirror) throws IOException {
        open(path, ram, new OwnMemory(Choice.AUTO, system, List.of(mirror)));
    }

    private void open(Path path, long ram, Choice choice, OwnPages system) throws IOException {
        open(path, ram, new OwnMemory(choice, system));
    }

    private void open(Path path, long ram, OwnMemory own) throws IOException {
        total = ram + RamBudget.RESERVE + (1 << 20);
        spare(total);
        weights = Models.weights(path);
        content = Files.readAllBytes(path);
        pager = new Pager(weights, RamBudgetTest.of(folder.resolve("limits")), own);
        try (FileChannel channel = FileChannel.open(path)) {
            mapping = channel.map(MapMode.READ_ONLY, 0, content.length, arena);
        }
        pager.attach(0, mapping.address(), 0);
    }

    /** The RAM that the system can spare, without own memory. */
    private void spare(long available) throws IOException {
        RamBudgetTest.write(folder.resolve("limits"), Math.max(0, available));
    }

    private void compare(long offset, long length) {
        compare(mapping.asSlice(offset, length), offset);
    }

    /** In slots, where they are computed with, or else where the file is mapped. */
    private void compareExperts(int number, int[] chosen) {
        Weight weight = weights.all().get(number);
        ExpertSlots slots = pass.slots(number, chosen);
        inSlots += slots == null ? 0 : 1;
        for (int i = 0; i < chosen.length; i++) {
            long offset = weight.offset() + chosen[i] * weight.sliceSize();
            if (slots == null) {
                compare(offset, weight.sliceSize());
            } else {
                assertThat(slots.chosen()[i]).isBetween(0, slots.places() - 1);
                compare(
                        MemorySegment.ofAddress(
                                        slots.address() + slots.chosen()[i] * slots.stride())
                                .reinterpret(weight.sliceSize()),
                        offset);
            }
        }
    }

    private void compare(MemorySegment actual, long offset) {
        MemorySegment expected = MemorySegment.ofArray(content).asSlice(offset, actual.byteSize());
        assertThat(actual.mismatch(expected)).isEqualTo(-1);
    }

    private PassStats pass(int tokens, int... chosen) throws Exception {
        spare(total - pager.ownBytes());
        pass = pager.begin(tokens, 0);
        for (int i = 0; i < weights.all().size(); i++) {
            Weight weight = weights.all().get(i);
            if (weight.role().startsWith("ffn_gate_exps") && !pass.isWide()) {
                pass.routed(weight.layer(), chosen);
            }
            boolean stop = pass.use(i);
            if (weight.use() == Use.EXPERTS && !pass.isWide()) {
                compareExperts(i, chosen);
            } else if (weight.use() == Use.EXPERTS) {
                compareExperts(i, IntStream.range(0, weight.slices()).toArray());
            } else if (weight.use() != Use.ROWS) {
                compare(weight.offset(), weight.size());
            }
            if (stop) {
                pass.used();
            }
        }
        return pass.end(true);
    }

    private void useAllExperts() throws Exception {
        for (int i = 0; i < 64; i += 4) {
            pass(1, i, i + 1, i + 2, i + 3);
        }
    }

    /** Until each slice was evicted two hundred times, about: a sixteenth of them fits. */
    @ParameterizedTest
    @CsvSource({"AUTO, false", "OWN, false", "AUTO, true"})
    void whatIsReadIsTheFileHoweverOftenItWasEvicted(Choice choice, boolean odd) throws Exception {
        Path path = odd ? Models.oddExperts(folder) : Models.experts(folder);
        PieceMap map = new PieceMap(Models.weights(path));
        open(
                path,
                PlanRules.leastRam(map) + map.size(0, map.everyTokenCount()) + (8 << 20),
                choice);
        List<Integer> experts = new ArrayList<>(IntStream.range(0, 64).boxed().toList());
        Random random = new Random(1);
        long missed = 0;
        long own = 0;
        for (int round = 0; round < 200; round++) {
            Collections.shuffle(experts, random);
            for (int i = 0; i < 64; i += 4) {
                PassStats stats =
                        pass(
                                1,
                                experts.get(i),
                                experts.get(i + 1),
                                experts.get(i + 2),
                                experts.get(i + 3));
                missed += stats.expertMisses();
                own = Math.max(own, stats.ownBytes());
            }
        }
        assertThat(own).isPositive();
        assertThat(missed).isGreaterThan(1000);
        assertThat(inSlots).isGreaterThan(1000);
        pager.close();
        compare(0, content.length);
        pager = null;
    }

    @Test
    void promptsReadAllExpertsAndShortOnesThoseTheyChoose() throws Exception {
        Path path = Models.experts(folder);
        open(path, Files.size(path) * 85 / 100, Choice.AUTO);
        pass(1, 1, 2, 3, 4);
        for (int i = 0; i < 3; i++) {
            inSlots = 0;
            pass(512);
            // No reader has taken a slot that another weight needed.
            assertThat(inSlots).isEqualTo(2 * 3);
            pass(3, 1, 2, 3, 4, 10 + i, 20 + i, 30 + i);
            pass(1, i, i + 30, i + 40, i + 50);
        }
        compare(0, content.length);
    }

    /** Many slots are in several rows, in each of which all experts of a weight have room. */
    @Test
    void expertsAreUsedInSeveralRowsOfSlots() throws Exception {
        Path path = Models.manyExperts(folder);
        open(path, Files.size(path) * 97 / 100, Choice.AUTO);
        Random random = new Random(1);
        for (int i = 0; i < 20; i++) {
            inSlots = 0;
            pass(1, random.ints(0, 64).distinct().limit(4).toArray());
            assertThat(inSlots).isEqualTo(14 * 3);
            inSlots = 0;
            pass(512);
            assertThat(inSlots).isEqualTo(14 * 3);
        }
    }

    /** As where a GPU computes with them, or llama.cpp numbers them in a way of its own. */
    @Test
    void expertsThatCanNotBeUsedInSlotsAreUsedWhereTheyAreMapped() throws Exception {
        Path path = Models.experts(folder);
        open(path, Files.size(path) * 8 / 10, Choice.AUTO);
        useAllExperts();
        assertThat(inSlots).isEqualTo(16 * 2 * 3);
        for (int i = 0; i < weights.all().size(); i++) {
            if (weights.all().get(i).role().startsWith("ffn_down_exps")) {
                pager.keepMapped(i);
            }
        }
        inSlots = 0;
        useAllExperts();
        assertThat(inSlots).isEqualTo(16 * 2 * 2);
        pass(512);
    }

    /** Then each is read again by itself. */
    @Test
    void readsThatFailTogetherAreRepeated() throws Exception {
        Path path = Models.experts(folder);
        FaultyPages system = new FaultyPages();
        system.failInBatches();
        open(path, Files.size(path) * 6 / 10, Choice.AUTO, system);
        for (int i = 0; i < 3; i++) {
            useAllExperts();
        }
        assertThat(system.batched()).isGreaterThan(100);
        assertThat(inSlots).isEqualTo(3 * 16 * 2 * 3);
    }

    @Test
    void aMirrorThatFailsWhereReadsAreDoneTogetherIsNotAskedAgain() throws Exception {
        Path path = Models.experts(folder);
        Path mirror = Files.copy(path, folder.resolve("mirror.gguf"));
        FaultyPages system = new FaultyPages();
        system.failInBatches();
        FaultyPages.Disk other = system.disk(mirror, 1e9);
        open(path, Files.size(path) * 6 / 10, system, mirror);
        useAllExperts();
        assertThat(other.bytes()).isPositive();
        other.fail();
        useAllExperts();
        int failures = other.failures();
        assertThat(failures).isPositive();
        for (int i = 0; i < 4; i++) {
            useAllExperts();
        }
        assertThat(other.failures()).isEqualTo(failures);
        assertThat(system.batched()).isGreaterThan(100);
    }

    /** As on macOS, where all weights are in own memory. */
    @Test
    void aDenseModelStaysAndPassesInSlots() throws Exception {
        Path path = Models.dense(folder);
        open(path, Files.size(path) * 30 / 100, Choice.OWN);
        pass(1);
        long read = 0;
        long most = 0;
        long ahead = 0;
        for (int i = 0; i < 5; i++) {
            long kept = pager.residency().plan().kept();
            PassStats stats = pass(1);
            assertThat(stats.ownBytes()).isPositive();
            ResidencyPlan plan = pager.residency().plan();
            // On a busy machine there may be more room for reading after a pass, and less is kept.
            kept = Math.min(kept, plan.kept());
            assertThat(kept).isPositive();
            read += stats.bytesRead();
            ahead = Math.max(ahead, plan.window());
            most += weights.size() - kept;
        }
        // What is kept is not read again; what is read ahead may be of the next pass.
        assertThat(read).isLessThanOrEqualTo(most + ahead);
        compare(0, content.length);
    }

    /** Another process takes memory in the middle of a pass. */
    @Test
    void memoryIsGivenBackInTheMiddleOfAPass() throws Exception {
        Path path = Models.experts(folder);
        open(path, Files.size(path) * 8 / 10, Choice.AUTO);
        useAllExperts();
        long before = pager.ownBytes();
        assertThat(before).isPositive();
        pass = pager.begin(1, 0);
        for (int i = 0; i < weights.all().size() / 2; i++) {
            if (pass.use(i)) {
                pass.used();
            }
        }
        spare(total - 3 * before);
        for (int i = 0; i < 200 && pager.ownBytes() >= before; i++) {
            Thread.sleep(50);
        }
        assertThat(pager.ownBytes()).isLessThan(before);
        pass.end(false);
        // A place is empty for a moment while its slot is given back, and nobody computes with it.
        long shrunk = before;
        while (pager.ownBytes() < shrunk) {
            shrunk = pager.ownBytes();
            Thread.sleep(500);
        }
        compare(0, content.length);
    }

    /**
     * Also then, all experts of a weight have to be in slots at the same time, even if the ones to
     * come are already being read into them.
     */
    @ParameterizedTest
    @ValueSource(doubles = {100e6, 400e6, 1e12})
    void memoryIsGivenBackInTheMiddleOfAPrompt(double bytesPerSecond) throws Exception {
        Path path = Models.experts(folder);
        FaultyPages system = new FaultyPages();
        system.disk(path, bytesPerSecond);
        open(path, Files.size(path) * 8 / 10, Choice.AUTO, system);
        useAllExperts();
        long before = pager.ownBytes();
        for (int round = 0; round < 4; round++) {
            spare(total - pager.ownBytes());
            pass = pager.begin(512, 0);
            assertThat(pass.isWide()).isTrue();
            inSlots = 0;
            for (int i = 0; i < weights.all().size(); i++) {
                pass.use(i);
                if (weights.all().get(i).use() == Use.EXPERTS) {
                    compareExperts(i, IntStream.range(0, 64).toArray());
                    pager.shrink(1 << 20);
                }
                pass.used();
            }
            pass.end(true);
            assertThat(inSlots).isEqualTo(2 * 3);
        }
        for (int i = 0; i < 200 && pager.ownBytes() >= before; i++) {
            Thread.sleep(50);
        }
        assertThat(pager.ownBytes()).isLessThan(before);
    }

    /** What is computed with stays, whoever gives memory back meanwhile. */
    @Test
    void nothingGoesWhileItIsComputedWith() throws Exception {
        Path path = Models.experts(folder);
        open(path, Files.size(path) * 8 / 10, Choice.AUTO);
        useAllExperts();
        assertThat(pager.ownBytes()).isPositive();
        Random random = new Random(1);
        for (int round = 0; round < 12; round++) {
            int[] chosen = random.ints(0, 64).distinct().limit(4).toArray();
            spare(total - pager.ownBytes());
            pass = pager.begin(1, 0);
            for (int i = 0; i < weights.all().size(); i++) {
                Weight weight = weights.all().get(i);
                if (weight.role().startsWith("ffn_gate_exps")) {
                    pass.routed(weight.layer(), chosen);
                }
                boolean stop = pass.use(i);
                if (weight.use() == Use.EXPERTS) {
                    computeWhileMemoryGoes(i, chosen);
                }
                if (stop) {
                    pass.used();
                }
            }
            pass.end(true);
        }
    }

    private void computeWhileMemoryGoes(int weight, int[] chosen) throws Exception {
        Thread shrinking = Thread.ofPlatform().start(() -> pager.shrink(256 << 10));
        long end = System.nanoTime() + 2_000_000;
        while (shrinking.isAlive() || System.nanoTime() < end) {
            compareExperts(weight, chosen);
        }
        shrinking.join();
    }

    /** As when the system has no memory for a direct read: the page cache may still do it. */
    @Test
    void whatCanNotBeReadDirectlyIsReadThroughThePageCache() throws Exception {
        FaultyPages system = new FaultyPages();
        Path path = Models.experts(folder);
        open(path, Files.size(path) * 8 / 10, Choice.OWN, system);
        pass(1, 1, 2, 3, 4);
        assertThat(pager.ownBytes()).isPositive();
        system.readNothing(true);
        for (int i = 4; i < 40; i += 4) {
            pass(1, i, i + 1, i + 2, i + 3);
        }
        pass(1, 1, 2, 3, 4);
    }

    /** An expert that stayed in the page cache would have its whole weight used there. */
    @Test
    void whatWasReadThroughThePageCacheIsReadIntoASlotTheNextTime() throws Exception {
        FaultyPages system = new FaultyPages();
        Path path = Models.experts(folder);
        open(path, Files.size(path) * 8 / 10, Choice.OWN, system);
        pass(1, 1, 2, 3, 4);
        system.readNothing(true);
        pass(1, 1, 2, 40, 41);
        system.readNothing(false);
        inSlots = 0;
        pass(1, 1, 2, 40, 41);
        pass(1, 1, 2, 40, 41);
        long ofExperts = weights.all().stream().filter(w -> w.use() == Use.EXPERTS).count();
        assertThat(inSlots).isBetween((int) ofExperts, 2 * (int) ofExperts);
    }

    /** Nobody computes with a place of which it is not known what is there. */
    @Test
    void aPlaceThatIsLostEndsAllPasses() throws Exception {
        FaultyPages system = new FaultyPages();
        Path path = Models.dense(folder);
        open(path, Files.size(path) * 30 / 100, Choice.OWN, system);
        pass(1);
        system.losePlaces(true);
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> pass(1))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("dense.gguf")
                    .hasMessageContaining("load the model again");
            pass.end(false);
            system.losePlaces(false);
        }
    }

    /** Rows are looked up while readers move pieces in and out. */
    @Test
    void whatIsLookedUpDoesNotMove() throws Exception {
        FaultyPages system = new FaultyPages();
        Path path = Models.tied(folder);
        open(path, Files.size(path) * 45 / 100, Choice.OWN, system);
        int embedding = weights.all().size() - 1;
        assertThat(weights.all().get(embedding).name()).isEqualTo("token_embd.weight");
        pass(1);
        system.dawdle();
        for (int round = 0; round < 6; round++) {
            spare(total - pager.ownBytes());
            pass = pager.begin(1, 0);
            pass.lookUp(embedding);
            Thread shrinking = Thread.ofPlatform().start(() -> pager.shrink(2 << 20));
            for (int i = 0; i < 20; i++) {
                compare(weights.all().get(embedding).offset(), weights.all().get(embedding).size());
                Thread.sleep(1);
            }
            shrinking.join();
            for (int i = 0; i < weights.all().size(); i++) {
                pass.use(i);
                pass.used();
            }
            pass.end(true);
        }
    }

    /** Each disk reads what it can. */
    @ParameterizedTest
    @CsvSource({"200e6, 200e6, 35, 65", "300e6, 100e6, 10, 40"})
    void aMirrorIsReadToo(double speed, double ofMirror, int least, int most) throws Exception {
        FaultyPages system = new FaultyPages();
        Path path = Models.dense(folder);
        Path mirror = Files.copy(path, folder.resolve("mirror.gguf"));
        FaultyPages.Disk disk = system.disk(path, speed);
        FaultyPages.Disk other = system.disk(mirror, ofMirror);
        open(path, Files.size(path) * 30 / 100, system, mirror);
        long mirrorBytes = 0;
        for (int i = 0; i < 3; i++) {
            mirrorBytes += pass(1).mirrorBytes();
        }
        // What is read ahead after the last pass is not in its statistics.
        assertThat(mirrorBytes).isBetween(other.bytes() / 2, other.bytes());
        long all = disk.bytes() + other.bytes();
        assertThat(all).isGreaterThan(weights.size());
        assertThat(other.bytes() * 100 / all).isBetween((long) least, (long) most);
    }

    @Test
    void aMirrorThatFailsIsNotReadAnyMore() throws Exception {
        FaultyPages system = new FaultyPages();
        Path path = Models.dense(folder);
        Path mirror = Files.copy(path, folder.resolve("mirror.gguf"));
        FaultyPages.Disk other = system.disk(mirror, 1e9);
        open(path, Files.size(path) * 30 / 100, system, mirror);
        pass(1);
        other.fail();
        long before = other.bytes();
        pass(1);
        pass(1);
        assertThat(before).isPositive();
        assertThat(other.bytes()).isEqualTo(before);
    }
}
