package io.github.bigllama.internal.pieces;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.core.residency.Weights;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class PieceMapTest {
    private static final long PAGE = 4096;

    private static Weight weight(String name, long offset, long end, Use use) {
        return new Weight(
                name, 0, offset, end - offset, 0, GgmlType.F32, use, use == Use.EXPERTS ? 2 : 1, 1);
    }

    /** Bytes that are someone else's stay while a piece comes and goes. */
    private static void noPageIsOwnThatHasAnotherUse(Weight... weights) {
        PieceMap map = new PieceMap(new Weights(List.of(Path.of("f")), List.of(weights), 1), PAGE);
        for (int piece = 0; piece < map.everyTokenCount(); piece++) {
            long from = map.ownOffset(piece);
            long to = from + map.ownLength(piece);
            for (Weight other : weights) {
                if (other.use() != Use.EVERY_TOKEN) {
                    assertThat(from >= other.end() || to <= other.offset() || from == to)
                            .as("%s and the pages from %d to %d", other.name(), from, to)
                            .isTrue();
                }
            }
        }
        for (int i = 0; i < weights.length; i++) {
            if (weights[i].use() == Use.EVERY_TOKEN) {
                int last = map.last(i);
                assertThat(map.offset(map.first(i))).isLessThanOrEqualTo(weights[i].offset());
                assertThat(map.offset(last) + map.length(last))
                        .isGreaterThanOrEqualTo(weights[i].end());
            }
        }
    }

    @Test
    void aPageWithRowsInTheMiddleIsNotOwn() {
        noPageIsOwnThatHasAnotherUse(
                weight("a", 0, 5000, Use.EVERY_TOKEN),
                weight("rows", 5024, 6000, Use.ROWS),
                weight("b", 6016, 40000, Use.EVERY_TOKEN));
    }

    @Test
    void pagesOnBothSidesOfRowsAreNotOwn() {
        noPageIsOwnThatHasAnotherUse(
                weight("a", 0, 5000, Use.EVERY_TOKEN),
                weight("rows", 5024, 9000, Use.ROWS),
                weight("b", 9024, 40000, Use.EVERY_TOKEN));
    }

    @Test
    void aPageWithExpertsIsNotOwn() {
        noPageIsOwnThatHasAnotherUse(
                weight("a", 0, 5000, Use.EVERY_TOKEN),
                weight("experts", 5024, 7024, Use.EXPERTS),
                weight("b", 7040, 7100, Use.EVERY_TOKEN),
                weight("c", 7104, 40000, Use.EVERY_TOKEN),
                weight("more", 40000, 44000, Use.EXPERTS));
    }

    @Test
    void whatOnlyEveryTokenUsesIsOwnTogether() {
        PieceMap map =
                new PieceMap(
                        new Weights(
                                List.of(Path.of("f")),
                                List.of(
                                        weight("a", 4096, 5000, Use.EVERY_TOKEN),
                                        weight("b", 5024, 5100, Use.EVERY_TOKEN),
                                        weight("c", 5120, 40960, Use.EVERY_TOKEN)),
                                0),
                        PAGE);
        assertThat(map.count()).isEqualTo(1);
        assertThat(map.ownOffset(0)).isEqualTo(4096);
        assertThat(map.ownLength(0)).isEqualTo(40960 - 4096);
    }
}
