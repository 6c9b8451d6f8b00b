package io.github.bigllama.cli.process;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/** Ends a command with a one-line message and an exit code. */
public final class CommandException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int exitCode;

    public CommandException(int exitCode, String message, Throwable cause) {
        super(message, cause);
        this.exitCode = exitCode;
    }

    /** An error in the arguments of the command. */
    public static CommandException usage(String message) {
        return new CommandException(ExitCode.USAGE, message, null);
    }

    public int exitCode() {
        return exitCode;
    }

    /**
     * The reason of an I/O error, for a message; Java's message about a missing file is only its
     * name.
     */
    public static String reason(IOException failure) {
        return switch (failure) {
            case NoSuchFileException e -> "no such file";
            case AccessDeniedException e -> "permission denied";
            case FileAlreadyExistsException e -> e.getFile() + " is in the way";
            case FileSystemException e -> e.getReason() == null ? text(e) : e.getReason();
            default -> text(failure);
        };
    }

    private static String text(IOException failure) {
        return failure.getMessage() == null ? failure.toString() : failure.getMessage();
    }
}
