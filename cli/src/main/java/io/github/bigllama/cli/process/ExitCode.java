package io.github.bigllama.cli.process;

/** The exit codes of every command, as {@code --help} lists them. */
public final class ExitCode {
    public static final int OK = 0;
    public static final int FAILED = 1;
    public static final int USAGE = 2;
    public static final int NO_NATIVES = 3;

    /** 128 + SIGINT, which the JVM itself returns when Ctrl-C ends it. */
    public static final int INTERRUPTED = 130;

    /** 128 + SIGPIPE, which a C program returns when nobody reads its output any more. */
    public static final int BROKEN_PIPE = 141;

    private ExitCode() {}
}
