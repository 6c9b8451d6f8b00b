package io.github.bigllama.internal.pager;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.bigllama.internal.pieces.PieceMap;
import io.github.bigllama.testing.Models;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExpertCacheTest {
    private static final BitSet NOTHING_BUSY = new BitSet();

    @TempDir Path folder;

    private PieceMap map;
    private ExpertCache cache;
    private int[] weights;

    @BeforeEach
    void experts() throws IOException {
        map = new PieceMap(Models.weights(Models.experts(folder)));
        cache = new ExpertCache(map);
        weights = cache.weights(0);
        assertThat(weights).hasSize(3);
    }

    @Test
    void whatIsUsedOftenSurvivesAScan() {
        cache.resize(24L * map.length(piece(0)));
        for (int token = 0; token < 10; token++) {
            use(1, 2, 3, 4);
        }
        for (int expert = 10; expert < 60; expert++) {
            use(expert);
        }
        for (int expert = 1; expert <= 4; expert++) {
            assertThat(cache.contains(piece(expert))).isTrue();
        }
        assertThat(cache.size()).isLessThanOrEqualTo(cache.capacity());
    }

    @Test
    void whatWasUsedLongAgoGivesWay() {
        cache.resize(3L * map.length(piece(0)) + 3 * 4096);
        for (int token = 0; token < 20; token++) {
            use(1);
        }
        assertThat(cache.contains(piece(1))).isTrue();
        for (int token = 0; token < 2000; token++) {
            use(2);
        }
        assertThat(cache.contains(piece(2))).isTrue();
        assertThat(cache.contains(piece(1))).isFalse();
    }

    @Test
    void chancesAreEqualUntilTokensHaveChosen() {
        double[] one = cache.chances(0, 1, 4);
        assertThat(one).hasSize(64).containsOnly(4.0 / 64);
        assertThat(cache.chances(0, 16, 4)).containsOnly(1 - Math.pow(1 - 4.0 / 64, 16));
    }

    @Test
    void chancesAreWhatTokensHaveChosen() {
        cache.resize(64L * map.length(piece(0)));
        for (int token = 0; token < 200; token++) {
            use(1, 2, 3, token % 2 == 0 ? 4 : 5);
        }
        double[] one = cache.chances(0, 1, 4);
        assertThat(Arrays.stream(one).sum()).isCloseTo(4, within(1e-6));
        assertThat(one[1]).isBetween(0.9, 1.0);
        assertThat(one[4]).isBetween(0.4, 0.6);
        assertThat(one[50]).isBetween(0.001, 0.01);
        double[] batch = cache.chances(0, 16, 4);
        assertThat(batch[4]).isGreaterThan(0.99);
        assertThat(batch[50]).isBetween(0.01, 0.1);
    }

    @Test
    void whatIsBusyStays() {
        cache.resize(3L * map.length(piece(0)) + 3 * 4096);
        use(1);
        BitSet busy = new BitSet();
        for (int weight : weights) {
            busy.set(map.first(weight) + 1);
        }
        cache.touch(0, 2);
        cache.touch(0, 2);
        assertThat(cache.admit(piece(2), busy, new ArrayList<>())).isFalse();
        assertThat(cache.contains(piece(1))).isTrue();
    }

    @Test
    void shrinkingDropsTheLeastUsed() {
        cache.resize(6L * map.length(piece(0)) + 6 * 4096);
        use(1);
        use(2);
        use(2);
        List<Integer> evicted = cache.resize(3L * map.length(piece(0)) + 3 * 4096);
        assertThat(evicted).containsExactlyInAnyOrder(piece(1), second(1), third(1));
        assertThat(cache.resize(0)).hasSize(3);
        assertThat(cache.size()).isZero();
    }

    @Test
    void scoresThatGrowForEverKeepTheirOrder() {
        cache.resize(3L * map.length(piece(0)) + 3 * 4096);
        use(1);
        for (int token = 0; token < 300_000; token++) {
            cache.age();
        }
        use(2);
        assertThat(cache.contains(piece(2))).isTrue();
    }

    /** Its order is brought up to date only when it matters. */
    @Test
    void theLeastUsedIsEvictedHoweverScoresHaveGrownSince() {
        Random random = new Random(1);
        cache.resize(40L * map.length(piece(0)));
        List<Integer> evicted = new ArrayList<>();
        int evictions = 0;
        for (int token = 0; token < 5000; token++) {
            cache.age();
            for (int i = 0; i < 4; i++) {
                int expert = (int) Math.min(63, Math.abs(random.nextGaussian()) * 30);
                cache.touch(0, expert);
                evicted.clear();
                cache.admit(piece(expert), NOTHING_BUSY, evicted);
                evictions += evicted.size();
                double most = evicted.stream().mapToDouble(this::score).max().orElse(0);
                for (int other = 0; other < 64; other++) {
                    if (cache.contains(piece(other))) {
                        assertThat(score(piece(other))).isGreaterThanOrEqualTo(most);
                    }
                }
            }
        }
        assertThat(evictions).isGreaterThan(100);
    }

    private double score(int piece) {
        return cache.scores()[piece - map.first(weights[0])];
    }

    private int piece(int expert) {
        return map.first(weights[0]) + expert;
    }

    private int second(int expert) {
        return map.first(weights[1]) + expert;
    }

    private int third(int expert) {
        return map.first(weights[2]) + expert;
    }

    /** A token that uses experts of layer 0. */
    private void use(int... chosen) {
        cache.age();
        for (int expert : chosen) {
            cache.touch(0, expert);
            for (int weight : weights) {
                cache.admit(map.first(weight) + expert, NOTHING_BUSY, new ArrayList<>());
            }
        }
    }
}
