package io.github.bigllama.internal.draft;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DrafterTest {
    /** Finds no draft, ever. */
    private static final class Unsure implements DraftSource {
        private final boolean isFree;
        private int searches;

        Unsure(boolean isFree) {
            this.isFree = isFree;
        }

        @Override
        public void begin(int[] prompt) {}

        @Override
        public int most() {
            return DraftLength.MOST;
        }

        @Override
        public int[] draft(int[] tokens, int last, int most) {
            searches++;
            return NONE;
        }

        @Override
        public boolean isFree() {
            return isFree;
        }

        @Override
        public void accepted(int count) {}

        @Override
        public void close() {}
    }

    private static int searches(boolean isFree, boolean isMeasured) {
        Unsure source = new Unsure(isFree);
        try (Drafter drafter = new Drafter(source, isMeasured, false)) {
            for (int pass = 0; pass < 200; pass++) {
                int before = source.searches;
                drafter.draft(new int[] {1}, 2, 100);
                boolean searched = source.searches > before && !isFree;
                drafter.observe(0, 0, searched ? 1.3 : 1);
            }
        }
        return source.searches;
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void aModelThatIsNeverSureIsSeldomAsked(boolean isMeasured) {
        assertThat(searches(false, isMeasured)).isBetween(1, 40);
    }

    @Test
    void nGramsAreLookedForAllTheTime() {
        assertThat(searches(true, true)).isGreaterThan(150);
    }
}
