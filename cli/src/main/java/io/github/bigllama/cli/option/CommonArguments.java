package io.github.bigllama.cli.option;

import io.github.bigllama.cli.process.StderrLoggers;
import picocli.CommandLine.Option;

/** Options of every command. */
public final class CommonArguments {
    /**
     * Takes effect while the arguments are parsed, so that errors in them have a stack trace, too.
     */
    @Option(
            names = {"-v", "--verbose"},
            description = "Print the log of llama.cpp, and stack traces of errors, on stderr.")
    void setVerbose(boolean verbose) {
        StderrLoggers.setVerbose(verbose);
    }
}
