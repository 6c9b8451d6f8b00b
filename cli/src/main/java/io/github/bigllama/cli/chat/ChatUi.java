package io.github.bigllama.cli.chat;

import java.io.IOException;
import java.util.Optional;

/** Where a chat takes place: at a terminal or over pipes. */
public interface ChatUi extends AutoCloseable {
    /**
     * The next message or command; empty when the user leaves. Meanwhile the interruption is idle;
     * Ctrl-C as soon as the line has ended cancels what it has begun.
     */
    Optional<String> read() throws IOException;

    /** Shows a piece of an answer at once. */
    void answer(String piece);

    /** Shows a piece of what a model thinks before it answers. */
    void reasoning(String piece);

    /** Ends the line of an answer. */
    void endAnswer();

    /**
     * Shows what is going on below the answer, where there is a place for that; empty for nothing.
     */
    void status(String line);

    /** What the user asked for, other than an answer. */
    void say(String line);

    /** A remark that nobody asked for. */
    void remark(String line);

    /** Something failed. */
    void error(String line);

    /** Puts a text on the clipboard of who looks on; false where that can't be done. */
    boolean copy(String text);

    /** Whether lines that begin with / are commands, not messages. */
    boolean hasCommands();

    /** Whether a human looks on, who can be told things. */
    boolean isInteractive();

    @Override
    void close() throws IOException;
}
