package io.github.bigllama.cli;

/** The exit codes of every command, as {@code --help} lists them. */
final class ExitCode {
    static final int OK = 0;
    static final int FAILED = 1;
    static final int USAGE = 2;
    static final int NO_NATIVES = 3;

    /** 128 + SIGINT, what the JVM itself returns when Ctrl-C ends it. */
    static final int INTERRUPTED = 130;

    /** 128 + SIGPIPE, what a program in C returns when its reader has gone. */
    static final int BROKEN_PIPE = 141;

    private ExitCode() {}
}
