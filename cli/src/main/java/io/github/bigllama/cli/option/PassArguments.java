package io.github.bigllama.cli.option;

import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.option.EmbeddingOptions;
import java.util.Locale;
import picocli.CommandLine.Option;

/** Options for texts that are computed several in a pass. */
public final class PassArguments {
    @Option(
            names = "--truncate",
            description = "Cut texts that are too long, instead of refusing them.")
    boolean truncate;

    @Option(
            names = {"-b", "--batch-size"},
            paramLabel = "N",
            description =
                    "Most tokens computed in one pass, and of a text (of the query and a document "
                            + "together). Default: what the model was trained with, but at most "
                            + EmbeddingOptions.MAX_AUTO_BATCH
                            + ", or a quarter of that for a model that writes texts.")
    int batchSize = EmbeddingOptions.AUTO_BATCH;

    @Option(
            names = {"-t", "--threads"},
            paramLabel = "N",
            description = "Number of threads that compute. Default: one per physical core.")
    int threads;

    /** Whether a text that is too long is cut. */
    public boolean truncate() {
        return truncate;
    }

    /** Most tokens of a pass; 0 to choose. */
    public int batchSize() {
        return batchSize;
    }

    /** Threads that compute; 0 for one per physical core. */
    public int threads() {
        return threads;
    }

    /**
     * The error of a text that is too long.
     *
     * @param what the text, for example {@code line 3}
     */
    public CommandException tooLong(String what, PromptTooLongException e, LlamaModel model) {
        int trained = model.trainedContextSize();
        return new CommandException(
                ExitCode.FAILED,
                String.format(
                        Locale.ROOT,
                        "%s has %d tokens, but %d are the most that are computed in one pass; %s%s",
                        what,
                        e.promptTokens(),
                        e.contextSize(),
                        truncate ? "shorten it" : "divide it, or cut it with --truncate",
                        e.contextSize() < trained
                                ? ", or raise that with -b, to at most " + trained
                                : ""),
                e);
    }
}
