package io.github.bigllama.cli.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/** Writes down what a pull says of itself. */
class Watcher implements Pull.Progress {
    final List<String> lines = Collections.synchronizedList(new ArrayList<>());
    final Set<String> troubles = Collections.synchronizedSet(new LinkedHashSet<>());
    volatile LongConsumer onProgress = done -> {};
    volatile LongConsumer onChecking = done -> {};
    volatile long first = -1;
    volatile long total;

    @Override
    public void pulling(long done, long newTotal, @Nullable String trouble) {
        assertThat(done).isBetween(0L, newTotal);
        first = first < 0 ? done : first;
        total = newTotal;
        if (trouble != null) {
            troubles.add(trouble);
        }
        onProgress.accept(done);
    }

    @Override
    public void checking(long done, long size) {
        assertThat(done).isBetween(0L, size);
        onChecking.accept(done);
    }

    @Override
    public void say(String line) {
        lines.add(line);
    }
}
