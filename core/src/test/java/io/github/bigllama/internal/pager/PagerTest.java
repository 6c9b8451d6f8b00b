package io.github.bigllama.internal.pager;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.core.residency.RamBudget;
import io.github.bigllama.core.residency.RamBudgetTest;
import io.github.bigllama.core.residency.ResidencyPlan;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.arena.OwnMemory;
import io.github.bigllama.internal.pagecache.MappedFile;
import io.github.bigllama.internal.pieces.PieceMap;
import io.github.bigllama.internal.pieces.PlanRules;
import io.github.bigllama.testing.Models;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Passes over real mapped files, with nobody computing. */
class PagerTest {
    @TempDir Path folder;

    private final Arena arena = Arena.ofShared();
    private Pager pager;
    private Pass pass;
    private Weights weights;
    private MappedFile eyes;

    @BeforeEach
    void onlyWhereThereIsAPager() {
        assumeTrue(
                System.getProperty("os.name").equals("Linux"), "residency is only known on Linux");
    }

    @AfterEach
    void close() {
        if (pager != null) {
            pager.close();
            eyes.close();
        }
        arena.close();
    }

    /** {@link OwnPagerTest} tests weights in own memory. */
    private static OwnMemory inPageCache() {
        return new OwnMemory(OwnMemory.Choice.PAGE_CACHE, null);
    }

    /** A pager with this many bytes of RAM for weights. */
    private void open(Path path, long ram) throws IOException {
        weights = Models.weights(path);
        RamBudget budget = RamBudgetTest.ofWeights(ram);
        pager = new Pager(weights, budget, inPageCache());
        try (FileChannel channel = FileChannel.open(path)) {
            MemorySegment mapping = channel.map(MapMode.READ_ONLY, 0, Files.size(path), arena);
            assertThat(pager.attach(0, mapping.address(), 0)).isTrue();
            eyes = MappedFile.of(path, mapping.address(), 0);
        }
    }

    @Test
    void whatIsUsedIsThereAndTheRestIsNot() throws Exception {
        open(Models.dense(folder), 100_000_000);
        for (int pass = 0; pass < 4; pass++) {
            PassStats stats = pass(1);
            if (pass > 1) {
                ResidencyPlan plan = pager.residency().plan();
                assertThat(stats.bytesRead())
                        .isBetween(
                                plan.streamed() * 9 / 10 - plan.window(),
                                plan.streamed() * 11 / 10 + plan.window());
            }
            assertThat(residentBytes()).isLessThan(104_000_000);
        }
    }

    @Test
    void aWeightElsewhereIsACopy() throws Exception {
        Path path = Models.dense(folder);
        open(path, 100_000_000);
        try (FileChannel channel = FileChannel.open(path)) {
            long again = channel.map(MapMode.READ_ONLY, 0, Files.size(path), arena).address();
            assertThat(pager.attach(0, again, 0)).isFalse();
        }
        pass(1);
        assertThat(pass(1).bytesRead()).isPositive();
    }

    @Test
    void whatStaysIsReadBeforeAPass() throws Exception {
        Path path = Models.dense(folder);
        weights = Models.weights(path);
        pager = new Pager(weights, RamBudgetTest.ofWeights(100_000_000), inPageCache());
        pager.warmUp();
        try (FileChannel channel = FileChannel.open(path)) {
            MemorySegment mapping = channel.map(MapMode.READ_ONLY, 0, Files.size(path), arena);
            eyes = MappedFile.of(path, mapping.address(), 0);
            pager.warmUp();
            long kept = pager.residency().plan().kept();
            for (int i = 0; i < 1000 && residentBytes() < kept; i++) {
                Thread.sleep(10);
            }
            assertThat(residentBytes()).isBetween(kept, 104_000_000L);
            // The pass reads the rest once, and the window full of the next pass's beginning.
            PieceMap map = new PieceMap(weights);
            long once = map.size(0, map.count());
            assertThat(pass(1).bytesRead())
                    .isBetween(once, once + pager.residency().plan().window());
            assertThat(residentBytes()).isLessThan(104_000_000);
        }
    }

    /** In large pages, parts of which are to stay. */
    @Test
    void whatIsInMemoryFromEarlierAndNotToStayLeavesIt() throws Exception {
        Path path = Models.experts(folder);
        PieceMap map = new PieceMap(Models.weights(path));
        weights = Models.weights(path);
        long ram = PlanRules.leastRam(map) + map.size(0, map.everyTokenCount());
        pager = new Pager(weights, RamBudgetTest.ofWeights(ram), inPageCache());
        try (FileChannel channel = FileChannel.open(path)) {
            MemorySegment mapping = channel.map(MapMode.READ_ONLY, 0, Files.size(path), arena);
            eyes = MappedFile.of(path, mapping.address(), 0);
            eyes.expect(0, eyes.size());
            eyes.read(0, eyes.size());
            assertThat(residentBytes()).isGreaterThan(eyes.size() * 9 / 10);
            assertThat(pager.attach(0, mapping.address(), 0)).isTrue();
        }
        assertThat(residentBytes()).isLessThanOrEqualTo(pager.residency().plan().kept());
    }

    /** Which of two mappings is computed with only shows when that happens. */
    @Test
    void aFileMappedTwiceIsLeftToThePass() throws Exception {
        Path path = Models.dense(folder);
        try (FileChannel channel = FileChannel.open(path)) {
            channel.map(MapMode.READ_ONLY, 0, Files.size(path), arena);
            weights = Models.weights(path);
            pager = new Pager(weights, RamBudgetTest.ofWeights(100_000_000), inPageCache());
            MemorySegment mapping = channel.map(MapMode.READ_ONLY, 0, Files.size(path), arena);
            eyes = MappedFile.of(path, mapping.address(), 0);
            pager.warmUp();
            assertThat(pager.attach(0, mapping.address(), 0)).isTrue();
            assertThat(pass(1).bytesRead()).isPositive();
        }
    }

    @Test
    void anOrderThatIsNotTheOneOfTheNamesIsLearned() throws Exception {
        open(Models.dense(folder), 100_000_000);
        int count = weights.all().size();
        long first = 0;
        for (int round = 0; round < 4; round++) {
            pass = pager.begin(1, 0);
            for (int i = count - 1; i >= 0; i--) {
                use(i);
            }
            PassStats stats = pass.end(true);
            first = round == 0 ? stats.bytesRead() : first;
            if (round == 3) {
                ResidencyPlan plan = pager.residency().plan();
                assertThat(stats.bytesRead()).isLessThan(plan.streamed() + plan.window());
            }
            // Until the order is known, what is waited for comes in beside the window.
            assertThat(residentBytes())
                    .isLessThan(104_000_000 + pager.residency().plan().window() / 2);
        }
        assertThat(first).isPositive();
    }

    @Test
    void aPassThatIsGivenUpLeavesNothingBehind() throws Exception {
        open(Models.dense(folder), 90_000_000);
        pass(1);
        for (int stop = 1; stop < weights.all().size(); stop += 5) {
            pass = pager.begin(1, 0);
            for (int i = 0; i < stop; i++) {
                use(i);
            }
            pass.end(false);
            assertThat(residentBytes()).isLessThan(94_000_000);
        }
        pass(1);
    }

    @Test
    void expertsAreReadWhenTheyAreChosenAndNoOthers() throws Exception {
        Path path = Models.experts(folder);
        Weights all = Models.weights(path);
        PieceMap map = new PieceMap(all);
        open(path, PlanRules.leastRam(map) + map.size(0, map.everyTokenCount()));
        routedPass(0, 1, 2, 3);
        for (int weight = 0; weight < all.all().size(); weight++) {
            if (all.all().get(weight).use() == Use.EXPERTS) {
                assertThat(isResident(map, map.first(weight) + 2)).isTrue();
                // 3 is chosen, and shares a page with 4.
                assertThat(isResident(map, map.first(weight) + 40)).isFalse();
            }
        }
        PassStats again = routedPass(0, 1, 2, 3);
        assertThat(again.expertMisses()).isZero();
        assertThat(again.expertHits()).isEqualTo(2 * 3 * 4);
        PassStats others = routedPass(0, 1, 40, 41);
        assertThat(others.expertMisses()).isEqualTo(2 * 3 * 2);
    }

    @Test
    void anExpertThatIsPredictedComesBeforeItIsChosen() throws Exception {
        Path path = Models.experts(folder);
        PieceMap map = new PieceMap(Models.weights(path));
        open(path, PlanRules.leastRam(map) + map.size(0, map.everyTokenCount()));
        routedPass(0, 1, 2, 3);
        pass = pager.begin(1, 0);
        pass.predicted(0, new int[] {40, 50});
        int first = weightOf("blk.0.ffn_gate_exps.weight");
        int last = weightOf("blk.0.ffn_down_exps.weight");
        for (int i = 0; i < 500 && !isResident(map, map.first(last) + 50); i++) {
            Thread.sleep(10);
        }
        assertThat(isResident(map, map.first(first) + 40)).isTrue();
        assertThat(isResident(map, map.first(last) + 50)).isTrue();
        for (int i = 0; i < weights.all().size(); i++) {
            if (i == first) {
                pass.routed(0, new int[] {40, 41, 42, 43});
            }
            pass.use(i);
            pass.used();
            if (weights.all().get(i).layer() == 1) {
                break;
            }
        }
        PassStats stats = pass.end(false);
        assertThat(stats.expertMisses()).isEqualTo(3 * 4);
        // Nobody chose it: it does not stay.
        for (int i = 0; i < 500 && isResident(map, map.first(last) + 50); i++) {
            Thread.sleep(10);
        }
        assertThat(isResident(map, map.first(last) + 50)).isFalse();
        assertThat(isResident(map, map.first(last) + 40)).isTrue();
    }

    private int weightOf(String name) {
        return weights.all().stream().map(Weight::name).toList().indexOf(name);
    }

    /** Its slices may be on their way out when it is chosen again. */
    @Test
    void anExpertThatIsChosenAgainAtOnceComesBack() throws Exception {
        Path path = Models.experts(folder);
        PieceMap map = new PieceMap(Models.weights(path));
        open(path, PlanRules.leastRam(map) + (1 << 20));
        CompletableFuture<Void> passes =
                CompletableFuture.runAsync(
                        () -> {
                            try {
                                // The cache is full of experts that are used more often.
                                for (int i = 0; i < 200; i++) {
                                    int often = i * 4 % 24;
                                    routedPass(often, often + 1, often + 2, often + 3);
                                }
                                for (int i = 0; i < 2000; i++) {
                                    int seldom = 24 + i / 2 * 4 % 40;
                                    routedPass(seldom, seldom + 1, seldom + 2, seldom + 3);
                                }
                            } catch (Exception e) {
                                throw new AssertionError(e);
                            }
                        });
        passes.get(60, TimeUnit.SECONDS);
    }

    @Test
    void aPromptReadsAllExperts() throws Exception {
        Path path = Models.experts(folder);
        PieceMap map = new PieceMap(Models.weights(path));
        open(path, PlanRules.leastRam(map) + map.size(0, map.everyTokenCount()));
        pass = pager.begin(512, 0);
        assertThat(pass.isWide()).isTrue();
        for (int weight = 0; weight < weights.all().size(); weight++) {
            use(weight);
            if (weights.all().get(weight).use() == Use.EXPERTS) {
                for (int piece = map.first(weight); piece <= map.last(weight); piece++) {
                    assertThat(isResident(map, piece)).isTrue();
                }
            }
            pass.used();
        }
        pass.end(true);
    }

    @Test
    void aFileThatIsCutShortDuringAPassIsAnErrorToo() throws Exception {
        Path path = Models.dense(folder);
        open(path, 90_000_000);
        pass = pager.begin(1, 0);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(file.length() / 2);
        }
        assertThatThrownBy(
                        () -> {
                            for (int i = 0; i < weights.all().size(); i++) {
                                use(i);
                            }
                        })
                .isInstanceOf(IOException.class)
                .hasMessageContaining("cut short");
        pass.end(false);
    }

    @Test
    void sessionsTakeTurns() throws Exception {
        open(Models.dense(folder), 100_000_000);
        AtomicInteger inside = new AtomicInteger();
        Runnable passes =
                () -> {
                    try {
                        for (int i = 0; i < 3; i++) {
                            pass = pager.begin(1, 0);
                            assertThat(inside.incrementAndGet()).isEqualTo(1);
                            for (int w = 0; w < weights.all().size(); w++) {
                                use(w);
                            }
                            inside.decrementAndGet();
                            pass.end(true);
                        }
                    } catch (Exception e) {
                        throw new AssertionError(e);
                    }
                };
        CompletableFuture<Void> one = CompletableFuture.runAsync(passes);
        CompletableFuture<Void> two = CompletableFuture.runAsync(passes);
        one.get(60, TimeUnit.SECONDS);
        two.get(60, TimeUnit.SECONDS);
    }

    @Test
    void lessRamThanAnyPlanNeedsIsAnErrorWithTheLeastThatWouldDo() throws IOException {
        Weights dense = Models.weights(Models.dense(folder));
        assertThatThrownBy(() -> new Pager(dense, RamBudgetTest.ofWeights(1 << 20), List.of()))
                .isInstanceOf(InsufficientRamException.class)
                .hasMessageMatching(".*at least [0-9.]+ GB are needed.*");
    }

    @Test
    void aBudgetOfLessThanBeforeIsKept() throws Exception {
        Path path = Models.dense(folder);
        Path limits = folder.resolve("root");
        weights = Models.weights(path);
        RamBudgetTest.write(limits, 160_000_000);
        pager = new Pager(weights, RamBudgetTest.of(limits), inPageCache());
        try (FileChannel channel = FileChannel.open(path)) {
            MemorySegment mapping = channel.map(MapMode.READ_ONLY, 0, Files.size(path), arena);
            assertThat(pager.attach(0, mapping.address(), 0)).isTrue();
            eyes = MappedFile.of(path, mapping.address(), 0);
        }
        pass(1);
        pass(1);
        assertThat(residentBytes()).isGreaterThan(75_000_000);
        RamBudgetTest.write(limits, 140_000_000);
        pass(1);
        pass(1);
        assertThat(residentBytes()).isLessThan(75_000_000);
    }

    /** The experts of a former process are in memory before they are chosen. */
    @Test
    void theExpertsUsedMostAreThereAtTheNextStart() throws Exception {
        Path path = Models.experts(folder);
        PieceMap map = new PieceMap(Models.weights(path));
        long ram = PlanRules.leastRam(map) + map.size(0, map.everyTokenCount()) + (12 << 20);
        open(path, ram);
        pager.remember(new ExpertProfile(folder.resolve("kept"), "model"));
        for (int i = 0; i < 30; i++) {
            routedPass(20, 21, 22, 23);
            routedPass(i, i + 1, i + 24, i + 25);
        }
        pager.close();
        eyes.close();

        open(path, ram);
        pager.remember(new ExpertProfile(folder.resolve("kept"), "model"));
        // No pass has used these; those used last may be there already.
        PassStats first = routedPass(60, 61, 62, 63);
        assertThat(first.expertMisses()).isPositive();
        int last = weightOf("blk.1.ffn_down_exps.weight");
        for (int i = 0; i < 500 && !isResident(map, map.first(last) + 20); i++) {
            Thread.sleep(10);
        }
        // What is idle between passes is used.
        Thread.sleep(300);
        PassStats second = routedPass(20, 21, 22, 23);
        assertThat(second.expertMisses()).isZero();
        assertThat(residentBytes()).isLessThan(ram + (4 << 20));
    }

    /** A short batch chooses experts, which are read before they are used; a long one reads all. */
    @Test
    void aShortBatchReadsWhatItsTokensChoose() throws Exception {
        Path path = Models.experts(folder);
        PieceMap map = new PieceMap(Models.weights(path));
        open(path, map.size(0, map.count()) * 7 / 10);
        routedPass(0, 1, 2, 3);
        pass = pager.begin(2, 0);
        assertThat(pass.isWide()).isFalse();
        assertThat(pass.wantsPredictions()).isTrue();
        for (int i = 0; i < weights.all().size(); i++) {
            Weight weight = weights.all().get(i);
            if (weight.role().startsWith("ffn_gate_exps")) {
                pass.routed(weight.layer(), new int[] {0, 1, 2, 3, 3, 40, 41, 42});
            }
            boolean stop = pass.use(i);
            if (weight.use() == Use.EXPERTS) {
                for (int expert : new int[] {0, 3, 40, 42}) {
                    assertThat(isResident(map, map.first(i) + expert)).isTrue();
                }
            }
            if (stop) {
                pass.used();
            }
        }
        PassStats stats = pass.end(true);
        assertThat(stats.tokens()).isEqualTo(2);
        assertThat(stats.expertMisses()).isEqualTo(2 * 3 * 3);
        pass = pager.begin(Pass.MOST_PREDICTED + 1, 0);
        assertThat(pass.wantsPredictions()).isFalse();
        pass.end(false);
    }

    /** A pass in the order of the names; everything is there when it is used. */
    private PassStats pass(int tokens) throws Exception {
        pass = pager.begin(tokens, 0);
        for (int i = 0; i < weights.all().size(); i++) {
            use(i);
        }
        return pass.end(true);
    }

    private PassStats routedPass(int... chosen) throws Exception {
        pass = pager.begin(1, 0);
        for (int i = 0; i < weights.all().size(); i++) {
            Weight weight = weights.all().get(i);
            if (weight.role().startsWith("ffn_gate_exps")) {
                pass.routed(weight.layer(), chosen);
            }
            boolean stop = pass.use(i);
            if (stop) {
                pass.used();
            }
        }
        return pass.end(true);
    }

    private void use(int weight) throws IOException, InterruptedException {
        boolean stop = pass.use(weight);
        Weight w = weights.all().get(weight);
        if (w.use() == Use.EVERY_TOKEN) {
            long start = w.offset() / 4096 * 4096;
            for (boolean page : eyes.resident(start, w.end() - start)) {
                assertThat(page).as(w.name()).isTrue();
            }
        }
        if (stop) {
            pass.used();
        }
    }

    private boolean isResident(PieceMap map, int piece) throws IOException {
        for (boolean page : eyes.resident(map.ownOffset(piece), map.ownLength(piece))) {
            if (!page) {
                return false;
            }
        }
        return true;
    }

    private long residentBytes() throws IOException {
        long bytes = 0;
        for (boolean page : eyes.resident(0, eyes.size())) {
            bytes += page ? 4096 : 0;
        }
        return bytes;
    }
}
