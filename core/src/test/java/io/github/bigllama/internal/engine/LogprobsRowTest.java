package io.github.bigllama.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class LogprobsRowTest {
    private static Logprobs of(float... logits) {
        Logprobs logprobs = new Logprobs(logits.length);
        logprobs.read(MemorySegment.ofArray(logits));
        return logprobs;
    }

    @Test
    void largeLogitsDoNotOverflow() {
        Logprobs some = of(3e38f, 3e38f, -3e38f);
        assertThat(some.of(0)).isCloseTo(Math.log(0.5), within(1e-15));
        assertThat(some.of(2)).isCloseTo(-6e38, within(1e31));
    }

    @Test
    void theUnlikelyKeepTheirOrder() {
        Logprobs some = of(-1000, 0, -2000, Float.NEGATIVE_INFINITY, -1500);
        assertThat(some.of(0)).isEqualTo(-1000);
        assertThat(some.of(1)).isZero();
        assertThat(some.of(2)).isEqualTo(-2000);
        assertThat(some.of(3)).isEqualTo(Double.NEGATIVE_INFINITY);
        assertThat(some.top(5)).containsExactly(1, 0, 4, 2, 3);
        assertThat(some.top(2)).containsExactly(1, 0);
    }

    @Test
    void ofEqualsTheFirstIsFirst() {
        assertThat(of(1, 2, 1, 2, 2).top(2)).containsExactly(1, 3);
        assertThat(of(1, 2, 1, 2, 2).top(9)).containsExactly(1, 3, 4, 0, 2);
    }

    @Test
    void aSumOfManyIsExact() {
        float[] many = new float[300_000];
        assertThat(of(many).of(7)).isCloseTo(-Math.log(many.length), within(1e-12));
    }

    @Test
    void whatChangesAfterReadingDoesNotMatter() {
        float[] logits = {1, 1};
        Logprobs some = new Logprobs(2);
        some.read(MemorySegment.ofArray(logits));
        logits[0] = 50;
        assertThat(some.of(0)).isCloseTo(Math.log(0.5), within(1e-15));
        some.read(MemorySegment.ofArray(logits));
        assertThat(some.of(0)).isCloseTo(0, within(1e-15));
    }
}
