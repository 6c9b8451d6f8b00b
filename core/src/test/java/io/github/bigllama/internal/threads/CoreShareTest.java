package io.github.bigllama.internal.threads;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.option.SessionOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import org.junit.jupiter.api.Test;

class CoreShareTest {
    private static final int CORES = 4;

    private static CoreShare share(SessionOptions options) {
        return share(options, () -> CORES);
    }

    private static CoreShare share(SessionOptions options, IntSupplier cores) {
        return new CoreShare(new Object(), options, cores);
    }

    private static void leave(CoreShare share) {
        share.end();
        share.leave();
    }

    /** Such as the sessions of a model whose weights pass through memory. */
    @Test
    void whoRestsDoesNotSpeakForThoseItTakesTurnsWith() throws InterruptedException {
        Thread.sleep(50);
        Object user = new Object();
        CoreShare one = new CoreShare(user, SessionOptions.defaults(), () -> CORES);
        CoreShare two = new CoreShare(user, SessionOptions.defaults(), () -> CORES);
        CoreShare other = share(SessionOptions.defaults());
        one.begin();
        two.leave();
        assertThat(other.begin()).isEqualTo(Math.max(1, CORES / 2));
        leave(one);
        assertThat(other.begin()).isEqualTo(CORES);
        leave(other);
    }

    @Test
    void coresAreDividedAmongWhatComputes() throws InterruptedException {
        // Sessions of other tests may have computed just before.
        Thread.sleep(50);
        CoreShare first = share(SessionOptions.defaults());
        assertThat(first.threads(first.begin())).isEqualTo(CORES);
        List<CoreShare> others = new ArrayList<>();
        for (int computing = 2; computing <= 2 * CORES; computing++) {
            CoreShare other = share(SessionOptions.defaults());
            others.add(other);
            int threads = Math.max(1, CORES / computing);
            assertThat(other.threads(other.begin())).isEqualTo(threads);
            first.end();
            int share = first.begin();
            assertThat(first.threads(share)).isEqualTo(threads);
            assertThat(first.batchThreads(share)).isEqualTo(threads);
        }
        others.forEach(CoreShareTest::leave);
        assertThat(first.begin()).isEqualTo(CORES);
        leave(first);
    }

    @Test
    void whoIsBetweenTwoTokensStillCounts() throws InterruptedException {
        Thread.sleep(50);
        CoreShare one = share(SessionOptions.defaults());
        CoreShare two = share(SessionOptions.defaults());
        one.begin();
        one.end();
        assertThat(two.begin()).isEqualTo(Math.max(1, CORES / 2));
        Thread.sleep(50);
        assertThat(two.begin()).isEqualTo(CORES);
        leave(two);
    }

    @Test
    void whatTheOptionsSayIsDone() {
        CoreShare share = share(SessionOptions.defaults().withThreads(3, 5));
        assertThat(share.threads(1)).isEqualTo(3);
        assertThat(share.batchThreads(1)).isEqualTo(5);
        assertThat(share(SessionOptions.defaults().withThreads(3, 0)).batchThreads(1)).isEqualTo(3);
    }

    @Test
    void whatOtherProcessesLeaveIsDivided() throws InterruptedException {
        Thread.sleep(50);
        AtomicInteger free = new AtomicInteger(4);
        CoreShare one = share(SessionOptions.defaults(), free::get);
        CoreShare two = share(SessionOptions.defaults(), free::get);
        assertThat(one.begin()).isEqualTo(4);
        free.set(3);
        assertThat(one.begin()).isEqualTo(3);
        assertThat(two.begin()).isEqualTo(1);
        leave(two);
        free.set(1);
        assertThat(one.begin()).isEqualTo(1);
        free.set(4);
        assertThat(one.begin()).isEqualTo(4);
        assertThat(share(SessionOptions.defaults().withThreads(3, 5)).threads(1)).isEqualTo(3);
        leave(one);
    }
}
