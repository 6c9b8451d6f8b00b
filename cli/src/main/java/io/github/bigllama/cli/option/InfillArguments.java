package io.github.bigllama.cli.option;

import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.core.Infill;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Options of a gap that a model fills, with the text before it as the prompt. */
public final class InfillArguments {
    @Option(
            names = "--input-suffix",
            paramLabel = "TEXT",
            description =
                    "Fill the gap between the prompt, as it is, and this text, with a model that was"
                            + " trained to.")
    String suffix;

    @Option(
            names = "--input-suffix-file",
            paramLabel = "FILE",
            description = "A file with the text after the gap.")
    Path suffixFile;

    @Option(
            names = "--spm-infill",
            description =
                    "Put the text after the gap before the prompt (suffix, prefix, middle), which"
                            + " some models prefer.")
    boolean suffixFirst;

    /** Whether there is a gap to fill. */
    public boolean isGiven() {
        if (suffixFirst && suffix == null && suffixFile == null) {
            throw CommandException.usage(
                    "--spm-infill needs the text after the gap; give it with --input-suffix");
        }
        return suffix != null || suffixFile != null;
    }

    /** The gap after a prompt. */
    public Infill toInfill(String prompt) {
        return Infill.of(prompt, GenerationArguments.text("--input-suffix", suffix, suffixFile))
                .withSuffixFirst(suffixFirst);
    }
}
