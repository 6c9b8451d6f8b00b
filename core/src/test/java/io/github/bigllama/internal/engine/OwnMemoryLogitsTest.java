package io.github.bigllama.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.bigllama.core.option.LoadMode;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.RamBudgetTest;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.load.ModelLoader;
import io.github.bigllama.internal.pagecache.FaultyPages;
import io.github.bigllama.internal.pager.Pager;
import io.github.bigllama.internal.pager.Pagers;
import io.github.bigllama.internal.pieces.PlanRules;
import io.github.bigllama.testing.Models;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * With all weights in own memory, as on macOS, and with that memory taken away in the middle of
 * passes, logits equal those of plain llama.cpp bit by bit.
 */
class OwnMemoryLogitsTest {
    private static final SessionOptions OPTIONS =
            SessionOptions.defaults().withContextSize(256).withBatchSizes(32, 32).withThreads(2, 2);
    private static final int TOKENS = 24;

    /** Batches of so few tokens that not all experts are read for them. */
    private static final int SHORT = 2;

    private static final int BATCHES = 6;

    /** More than a batch. */
    private static final int PROMPT = 40;

    @TempDir Path folder;

    /** Rows of its output projection are looked up; its layers share a weight. */
    @Test
    void aModelWithATiedEmbedding() throws Exception {
        Path path = Models.tied(folder);
        // So little that not even the piece with what the layers share can stay.
        isTheSame(path, PlanRules.leastRam(Models.weights(path)) + (1 << 20));
    }

    @Test
    void aModelWithExperts() throws Exception {
        Path path = Models.experts(folder);
        isTheSame(path, Files.size(path) * 70 / 100);
    }

    @Test
    void aModelWhoseExpertsBeginAnywhereInAPage() throws Exception {
        Path path = Models.oddExperts(folder);
        isTheSame(path, Files.size(path) * 70 / 100);
    }

    /** If they were not, the tests above would show nothing. */
    @Test
    void expertsAreComputedWithInTheirSlots() throws Exception {
        withExperts(
                (plain, pager, system) -> {
                    List<float[]> expected = logits(plain, null);
                    logits(plain, pager);
                    assertThat(pager.ownBytes()).isPositive();
                    system.spoil();
                    List<float[]> actual = logits(plain, pager);
                    // The prompt alone reads all experts, not all of which are there.
                    for (int i = 0; i < expected.size(); i++) {
                        assertThat(Arrays.mismatch(actual.get(i), expected.get(i)))
                                .as("logits " + i)
                                .isNotEqualTo(-1);
                    }
                });
    }

    /** With whatever was read before the batches as it is in the file. */
    @Test
    void shortBatchesComputeWithExpertsInTheirSlots() throws Exception {
        withExperts(
                (plain, pager, system) -> {
                    List<float[]> expected = logits(plain, null);
                    List<float[]> actual = logits(plain, pager, system::spoil);
                    int differing = 0;
                    for (int i = 0; i < expected.size(); i++) {
                        boolean isSame = Arrays.equals(actual.get(i), expected.get(i));
                        assertThat(isSame || i > TOKENS).as("logits " + i).isTrue();
                        differing += isSame ? 0 : 1;
                    }
                    assertThat(differing).isPositive();
                });
    }

    private interface ExpertsInSlots {
        void run(ModelLoader.Loaded plain, Pager pager, FaultyPages system);
    }

    /** A model with experts, most of which fit into own memory. */
    private void withExperts(ExpertsInSlots test) throws IOException {
        Path path = Models.experts(folder);
        try (Plain plain = new Plain(path)) {
            FaultyPages system = new FaultyPages();
            requireDirectReading(system, path);
            try (Pager pager =
                    Pagers.experts(
                            Models.weights(path),
                            RamBudgetTest.ofWeights(Files.size(path) * 70 / 100),
                            system)) {
                test.run(plain.loaded, pager, system);
            }
        }
    }

    /** A model as llama.cpp maps it. */
    private static final class Plain implements AutoCloseable {
        private final ModelLoader.Loaded loaded;

        Plain(Path path) {
            loaded =
                    ModelLoader.load(
                            path,
                            ModelOptions.defaults().withLoadMode(LoadMode.MMAP).withRepack(false));
        }

        @Override
        public void close() {
            loaded.handle().close();
            loaded.sizes().close();
        }
    }

    private static void requireDirectReading(FaultyPages system, Path path) {
        try {
            system.unit(path);
        } catch (IOException e) {
            assumeTrue(false, e.getMessage());
        }
    }

    private void isTheSame(Path path, long ram) throws Exception {
        FaultyPages system = new FaultyPages();
        requireDirectReading(system, path);
        try (Plain plain = new Plain(path)) {
            ModelLoader.Loaded loaded = plain.loaded;
            List<float[]> expected = logits(loaded, null);
            Weights weights = Models.weights(path);
            try (Pager pager = Pagers.own(weights, RamBudgetTest.ofWeights(ram), system)) {
                logits(loaded, pager);
                assertThat(pager.ownBytes()).isPositive();
                system.dawdle();
                Thread shrinking = Thread.ofPlatform().start(() -> shrink(pager));
                List<float[]> actual;
                try {
                    actual = logits(loaded, pager);
                } finally {
                    shrinking.interrupt();
                    shrinking.join();
                }
                for (int i = 0; i < expected.size(); i++) {
                    assertThat(Arrays.mismatch(actual.get(i), expected.get(i)))
                            .as("logits " + i)
                            .isEqualTo(-1);
                }
            }
        }
    }

    private static void shrink(Pager pager) {
        Random random = new Random(1);
        try {
            while (true) {
                Thread.sleep(1);
                pager.shrink(random.nextLong(4 << 20));
            }
        } catch (InterruptedException e) {
            // The end.
        }
    }

    private static List<float[]> logits(ModelLoader.Loaded loaded, @Nullable Pager pager) {
        return logits(loaded, pager, () -> {});
    }

    /** Of a prompt, of tokens one by one, and of short batches. */
    private static List<float[]> logits(
            ModelLoader.Loaded loaded, @Nullable Pager pager, Runnable beforeBatches) {
        List<float[]> all = new ArrayList<>();
        try (Context context =
                        new Context(
                                "test",
                                loaded.handle().pointer(),
                                OPTIONS,
                                loaded.sizes(),
                                pager,
                                null,
                                false);
                Lane lane = context.open().orElseThrow()) {
            int[] tokens =
                    new Random(3).ints(PROMPT + TOKENS + SHORT * BATCHES, 300, 800).toArray();
            // The first batch of a prompt has no outputs.
            int done = 0;
            while (done < PROMPT) {
                done += lane.decodeSome(tokens, done, PROMPT - done);
            }
            all.add(last(lane));
            for (int i = PROMPT; i < PROMPT + TOKENS; i++) {
                assertThat(lane.decodeSome(tokens, i, 1)).isEqualTo(1);
                all.add(last(lane));
            }
            beforeBatches.run();
            for (int i = PROMPT + TOKENS; i < tokens.length; i += SHORT) {
                assertThat(lane.decodeSome(tokens, i, SHORT)).isEqualTo(SHORT);
                all.add(last(lane));
            }
        }
        return all;
    }

    private static float[] last(Lane lane) {
        return lane.outputs().logits(-1).toArray(ValueLayout.JAVA_FLOAT);
    }
}
