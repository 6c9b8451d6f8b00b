package io.github.bigllama.internal.pieces;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.core.residency.ResidencyPlan;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.testing.Models;
import java.io.IOException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlanRulesTest {
    @TempDir Path folder;

    private final BitSet keep = new BitSet();

    @Test
    void piecesCoverWhatEveryTokenUsesAndNothingTwice() throws IOException {
        for (Path path : new Path[] {Models.dense(folder), Models.scout(folder)}) {
            PieceMap map = new PieceMap(Models.weights(path));
            for (int piece = 0; piece < map.everyTokenCount(); piece++) {
                assertThat(map.offset(piece) % 4096).isZero();
                assertThat((long) map.length(piece)).isBetween(1L, PieceMap.CUT);
                assertThat(map.offset(piece) / PieceMap.CUT)
                        .isEqualTo((map.offset(piece) + map.length(piece) - 1) / PieceMap.CUT);
                if (piece > 0) {
                    assertThat(map.offset(piece))
                            .isGreaterThanOrEqualTo(map.offset(piece - 1) + map.length(piece - 1));
                }
            }
            for (int weight = 0; weight < map.weights().all().size(); weight++) {
                Weight w = map.weights().all().get(weight);
                if (w.use() == Use.EVERY_TOKEN) {
                    assertThat(map.offset(map.first(weight))).isLessThanOrEqualTo(w.offset());
                    int last = map.last(weight);
                    assertThat(map.offset(last) + map.length(last)).isGreaterThanOrEqualTo(w.end());
                } else if (w.use() == Use.EXPERTS) {
                    assertThat(map.last(weight) - map.first(weight) + 1).isEqualTo(w.slices());
                    int third = map.first(weight) + 3;
                    assertThat(map.offset(third))
                            .isBetween(
                                    w.offset() + 3 * w.sliceSize() - 4095,
                                    w.offset() + 3 * w.sliceSize());
                    // What it shares with a neighbour is not dropped with it.
                    assertThat(map.ownOffset(third))
                            .isGreaterThanOrEqualTo(w.offset() + 3 * w.sliceSize());
                    assertThat(map.ownOffset(third) + map.ownLength(third))
                            .isLessThanOrEqualTo(w.offset() + 4 * w.sliceSize());
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.9, 0.75, 0.5, 0.25})
    void everyLayerKeepsTheSameShare(double share) throws IOException {
        PieceMap map = new PieceMap(Models.weights(Models.wide(folder)));
        long ram = (long) (map.weights().size() * share);
        long window = PlanRules.workingWindow(map, ram);
        ResidencyPlan plan = PlanRules.plan(map, ram, window, keep);
        assertThat(plan.kept() + plan.window()).isLessThanOrEqualTo(ram);
        assertThat(plan.kept() + plan.window()).isGreaterThan(ram - 2 * PieceMap.CUT);
        assertThat(plan.streamed() + plan.kept()).isEqualTo(map.size(0, map.everyTokenCount()));
        assertThat(map.weights().layers()).isEqualTo(28);
        for (int layer = 1; layer < 28; layer++) {
            assertThat(keptShare(map, layer)).isCloseTo(keptShare(map, 0), within(0.03));
        }
    }

    @Test
    void aLittleMoreRamMovesNothingElse() throws IOException {
        PieceMap map = new PieceMap(Models.weights(Models.wide(folder)));
        long ram = map.weights().size() / 2;
        long window = PlanRules.workingWindow(map, ram);
        PlanRules.plan(map, ram, window, keep);
        BitSet before = (BitSet) keep.clone();
        PlanRules.plan(map, ram + 10 * PieceMap.CUT, window, keep);
        before.andNot(keep);
        assertThat(before.isEmpty()).isTrue();
    }

    private double keptShare(PieceMap map, int layer) {
        long kept = 0;
        long size = 0;
        for (int weight = 0; weight < map.weights().all().size(); weight++) {
            if (map.weights().all().get(weight).layer() == layer) {
                for (int piece = map.first(weight); piece <= map.last(weight); piece++) {
                    size += map.length(piece);
                    kept += keep.get(piece) ? map.length(piece) : 0;
                }
            }
        }
        return (double) kept / size;
    }

    @Test
    void whatEveryTokenUsesIsKeptBeforeExperts() throws IOException {
        PieceMap map = new PieceMap(Models.weights(Models.scout(folder)));
        long always = map.size(0, map.everyTokenCount());
        long window = PlanRules.leastWindow(map);
        long ram = always + window + PlanRules.expertWindow(map) + 1_000_000_000;
        ResidencyPlan plan = PlanRules.plan(map, ram, window, keep);
        assertThat(plan.kept()).isEqualTo(always);
        assertThat(plan.experts()).isBetween(990_000_000L, 1_000_000_000L);
        double missed = 1 - (double) plan.experts() / map.weights().size(Use.EXPERTS);
        long routed = map.weights().activeSize() - map.weights().size(Use.EVERY_TOKEN);
        assertThat((double) plan.streamed()).isCloseTo(missed * routed, within(1e6));
        // One layer's experts of a token fit into the window.
        assertThat(window).isGreaterThanOrEqualTo(3L * 5120 * 8192 * 34 / 32);
    }

    @Test
    void theLeastThatIsNamedWouldDo() throws IOException {
        for (Path path : new Path[] {Models.dense(folder), Models.scout(folder)}) {
            PieceMap map = new PieceMap(Models.weights(path));
            long least = PlanRules.leastRam(map);
            assertThatThrownBy(
                            () ->
                                    PlanRules.plan(
                                            map,
                                            least / 2,
                                            PlanRules.usualWindow(map, least / 2),
                                            keep))
                    .isInstanceOf(InsufficientRamException.class)
                    .hasMessageContaining(String.format(Locale.ROOT, "%.3f GB", least / 1e9));
            long window = PlanRules.workingWindow(map, least);
            ResidencyPlan plan = PlanRules.plan(map, least, window, keep);
            assertThat(plan.kept() + plan.window()).isLessThanOrEqualTo(least);
        }
    }

    @Test
    void saysWhatItKeepsAndReads() throws IOException {
        PieceMap map = new PieceMap(Models.weights(Models.dense(folder)));
        ResidencyPlan plan = PlanRules.plan(map, 100_000_000, PlanRules.LEAST_WINDOW, keep);
        assertThat(plan.toString())
                .matches(
                        "weights 0\\.1\\d+ GB, RAM for them 0\\.100 GB: keeps 0\\.0\\d+ GB,"
                                + " reads 0\\.\\d+ GB of 0\\.1\\d+ GB per token");
        assertThat(plan.isComplete()).isFalse();
        assertThat(PlanRules.plan(map, 1L << 40, 1 << 25, keep).isComplete()).isTrue();
    }
}
