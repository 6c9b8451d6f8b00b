package io.github.bigllama.internal.draft;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class DraftLengthTest {
    /** Tokens per second of a text whose next token is guessed with a chance. */
    private static double speed(DraftLength length, double chance, double further, int tokens) {
        Random random = new Random(7);
        double seconds = 0;
        int done = 0;
        while (done < tokens) {
            int drafted = length.next();
            int accepted = 0;
            while (accepted < drafted && random.nextDouble() < chance) {
                accepted++;
            }
            double pass = 1 + further * drafted;
            length.observe(drafted, accepted, pass);
            seconds += pass;
            done += 1 + accepted;
        }
        return done / seconds;
    }

    @Test
    void manyTokensWhereTheyAreFree() {
        assertThat(speed(new DraftLength(0.6, 0.05, 1), 0.95, 0.01, 2000)).isGreaterThan(8);
    }

    @Test
    void aFewWhereGuessesAreOftenWrong() {
        assertThat(speed(new DraftLength(0.6, 0.05, 1), 0.4, 0.05, 2000)).isGreaterThan(1.35);
    }

    @Test
    void noneWhereTheyAreWrong() {
        assertThat(speed(new DraftLength(0.6, 0.05, 1), 0, 0.05, 2000)).isGreaterThan(0.98);
        assertThat(speed(new DraftLength(0.6, 0.7, 1), 0, 0.9, 2000)).isGreaterThan(0.98);
    }

    @Test
    void noneWhereAFurtherTokenCostsAsMuchAsTheFirst() {
        assertThat(speed(new DraftLength(0.6, 0.05, 1), 0.9, 1.1, 2000)).isGreaterThan(0.97);
    }

    @Test
    void triesAgainWhenTheTextChanges() {
        DraftLength length = new DraftLength(0.6, 0.05, 1);
        speed(length, 0, 0.05, 500);
        assertThat(speed(length, 0.95, 0.02, 2000)).isGreaterThan(5);
    }

    @Test
    void aSlowFirstPassIsForgotten() {
        DraftLength length = new DraftLength(0.6, 0.7, 1);
        length.observe(0, 0, 100);
        assertThat(speed(length, 0.5, 0.9, 2000)).isGreaterThan(0.93);
    }

    /** Tokens per second where passes after one with a draft take longer for a while. */
    private static double unsettled(DraftLength length, double further, double[] after) {
        Random random = new Random(7);
        double seconds = 0;
        int done = 0;
        int alone = 0;
        while (done < 3000) {
            int drafted = length.next();
            int accepted = 0;
            while (accepted < drafted && random.nextDouble() < 0.6) {
                accepted++;
            }
            alone = drafted > 0 ? 0 : alone + 1;
            double pass =
                    drafted > 0
                            ? 1.4 + further * drafted
                            : alone <= after.length ? after[alone - 1] : 1;
            length.observe(drafted, accepted, pass);
            seconds += pass;
            done += 1 + accepted;
        }
        return done / seconds;
    }

    @Test
    void comparesWithPassesThatAreNotSlowBecauseOfFormerDrafts() {
        double[] after = {1.6, 1.4, 1.2};
        assertThat(unsettled(new DraftLength(0.6, 0.7, 4), 0.5, after)).isGreaterThan(0.95);
        assertThat(unsettled(new DraftLength(0.6, 0.7, 1), 0.5, after)).isLessThan(0.9);
    }
}
