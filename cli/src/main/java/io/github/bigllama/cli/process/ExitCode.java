package io.github.bigllama.cli.process;

/** The exit codes of every command, as {@code --help} lists them. */
public final class ExitCode {
    public static final int OK = 0;
    public static final int FAILED = 1;
    public static final int USAGE = 2;
    public static final int NO_NATIVES = 3;

    /** 128 + SIGINT, what the JVM itself returns when Ctrl-C ends it. */
    public static final int INTERRUPTED = 130;

    /** 128 + SIGPIPE, what a program in C returns when its reader has gone. */
    public static final int BROKEN_PIPE = 141;

    private ExitCode() {}
}
