package io.github.bigllama.cli.command;

import io.github.bigllama.cli.models.Pull;
import io.github.bigllama.cli.output.ByteSize;
import io.github.bigllama.cli.output.Eta;
import io.github.bigllama.cli.output.ProgressLine;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Shows the progress of a download. For one thread at a time. */
final class PullProgress implements Pull.Progress {
    private static final long INTERVAL_NANOS = 500_000_000L;

    /** The speed is measured over this time: older bytes say nothing about the bytes to come. */
    private static final long WINDOW_NANOS = 20_000_000_000L;

    private final String name;
    private final ProgressLine line;
    private final Deque<Sample> samples = new ArrayDeque<>();
    private Eta checking;

    private record Sample(long time, long done) {}

    PullProgress(String name, ProgressLine line) {
        this.name = name;
        this.line = line;
    }

    @Override
    public void pulling(long done, long total, @Nullable String trouble) {
        checking = null;
        line.update("pulling ", name, ": " + state(done, total, trouble, System.nanoTime()));
    }

    String state(long done, long total, @Nullable String trouble, long now) {
        if (samples.isEmpty() || now - samples.getLast().time >= INTERVAL_NANOS) {
            samples.add(new Sample(now, done));
        }
        while (now - samples.getFirst().time > WINDOW_NANOS) {
            samples.removeFirst();
        }
        String state =
                String.format(
                        Locale.ROOT,
                        "%s of %s, %d %%",
                        ByteSize.format(done),
                        ByteSize.format(total),
                        total == 0 ? 100 : (long) (100.0 * done / total));
        if (trouble != null) {
            return state + ", " + trouble;
        }
        double seconds = (now - samples.getFirst().time) / 1e9;
        double speed = seconds == 0 ? 0 : (done - samples.getFirst().done) / seconds;
        return speed <= 0
                ? state
                : "%s, %s/s, %s left"
                        .formatted(
                                state,
                                ByteSize.format(speed),
                                Eta.duration((total - done) / speed));
    }

    @Override
    public void checking(long done, long total) {
        if (checking == null) {
            checking = new Eta();
        }
        line.update(
                "checking ", name, ": " + checking.text(total == 0 ? 1 : (double) done / total));
    }

    @Override
    public void say(String text) {
        line.say("bigllama: " + text);
    }
}
