package io.github.bigllama.cli.output;

import io.github.bigllama.core.option.PrefillProgress;
import java.io.PrintStream;
import java.util.Locale;

/** Shows the progress of a long prompt. */
public final class Prefill implements PrefillProgress, AutoCloseable {
    private final PrintStream err;
    private final Eta eta = new Eta();
    private ProgressLine line;

    public Prefill(PrintStream err) {
        this.err = err;
    }

    @Override
    public void onProgress(int done, int total) {
        if (done == total) {
            erase();
            return;
        }
        if (line == null) {
            line = new ProgressLine(err);
        }
        line.update(
                String.format(
                        Locale.ROOT,
                        "reading the prompt: %d of %d tokens, %s",
                        done,
                        total,
                        eta.text((double) done / total)));
    }

    @Override
    public void close() {
        erase();
    }

    /** Erases the line, even if the prompt was not read to its end. */
    public void erase() {
        if (line != null) {
            line.close();
            line = null;
        }
    }
}
