package io.github.bigllama.cli.option;

import io.github.bigllama.cli.process.StderrLoggers;
import picocli.CommandLine.Option;

/** What every command has. */
public final class CommonArguments {
    /** Acts while the arguments are parsed, so that a trace of their own errors can be had. */
    @Option(
            names = {"-v", "--verbose"},
            description = "Print the log of llama.cpp, and traces of errors, on stderr.")
    void setVerbose(boolean verbose) {
        StderrLoggers.setVerbose(verbose);
    }
}
