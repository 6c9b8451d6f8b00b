package io.github.bigllama.cli.command;

import io.github.bigllama.cli.output.Eta;
import io.github.bigllama.cli.output.ProgressLine;
import io.github.bigllama.cli.process.Interruption;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** Goes through texts in chunks, with progress between them, until the user interrupts it. */
final class TextChunks {
    /** Texts between two updates of the progress. */
    private static final int SIZE = 64;

    private TextChunks() {}

    /**
     * Runs an action for each chunk, in order.
     *
     * @param nouns what the texts are, in the progress
     * @param shows whether there is progress to be seen
     * @param action ends early if its thread is interrupted
     */
    static void forEach(
            List<TextInput> inputs,
            String nouns,
            boolean shows,
            Interruption interruption,
            Consumer<List<TextInput>> action) {
        Eta eta = new Eta();
        interruption.onRequest(Thread.currentThread()::interrupt);
        try (ProgressLine progress = new ProgressLine(System.err)) {
            for (int from = 0; from < inputs.size(); from += SIZE) {
                if (shows) {
                    progress.update(
                            String.format(Locale.ROOT, "%d of %d %s: ", from, inputs.size(), nouns)
                                    + eta.text((double) from / inputs.size()));
                }
                action.accept(inputs.subList(from, Math.min(inputs.size(), from + SIZE)));
            }
        } finally {
            interruption.onRequest(() -> {});
        }
    }
}
