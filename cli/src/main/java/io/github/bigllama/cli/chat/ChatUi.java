package io.github.bigllama.cli.chat;

import java.io.IOException;
import java.util.Optional;

/** The user interface of a chat: a terminal, or pipes. */
public interface ChatUi extends AutoCloseable {
    /**
     * Reads the next message or command; empty when the user leaves. The interruption is idle
     * meanwhile; a Ctrl-C after the end of the line cancels the turn that it begins.
     */
    Optional<String> read() throws IOException;

    /** Shows a piece of an answer at once. */
    void answer(String piece);

    /** Shows a piece of the reasoning before an answer. */
    void reasoning(String piece);

    /** Ends the line of an answer. */
    void endAnswer();

    /** Shows a status line below the answer, where there is a place for one; empty for none. */
    void status(String line);

    /** Prints output of a command. */
    void say(String line);

    /** Prints a remark. */
    void remark(String line);

    /** Prints an error. */
    void error(String line);

    /** Copies a text to the user's clipboard; false where there is none. */
    boolean copy(String text);

    /** Whether lines that begin with / are commands, not messages. */
    boolean hasCommands();

    /** Whether a person is watching, who can be told things. */
    boolean isInteractive();

    @Override
    void close() throws IOException;
}
