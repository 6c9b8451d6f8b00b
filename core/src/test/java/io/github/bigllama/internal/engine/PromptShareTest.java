package io.github.bigllama.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PromptShareTest {
    private static final int MOST = 2048;

    /** Computes passes until the share has settled. */
    private static int settled(double alone, double each) {
        PromptShare share = new PromptShare(MOST);
        int tokens = 0;
        for (int i = 0; i < 200; i++) {
            int next = share.next(true);
            share.observe(next, true, Math.max(alone, each * next));
            tokens = next == 0 ? tokens : next;
        }
        return tokens;
    }

    @Test
    void aPassTakesAboutTwiceAsLongAsWithoutPrompts() {
        // Weights are read in 100 ms, and each token is computed in 1 ms meanwhile.
        assertThat(settled(100e6, 1e6)).isBetween(150, 300);
        assertThat(settled(1e9, 1e3)).isEqualTo(MOST);
        assertThat(settled(1e6, 1e9)).isEqualTo(8);
    }

    @Test
    void aPassWithoutPromptsIsMeasuredAgainNowAndThen() {
        PromptShare share = new PromptShare(MOST);
        int without = 0;
        for (int i = 0; i < 330; i++) {
            int next = share.next(true);
            without += next == 0 ? 1 : 0;
            share.observe(next, true, 1e6);
        }
        assertThat(without).isBetween(9, 12);
        assertThat(share.next(false)).isPositive();
    }
}
