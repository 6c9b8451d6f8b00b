package io.github.bigllama.cli.chat;

import java.util.List;
import org.jline.utils.AttributedString;

/** Lays out a text that is still growing in lines of a terminal. */
interface Layout {
    /**
     * A text laid out in lines.
     *
     * @param lines the lines; one may be wider than the terminal, which then breaks it
     * @param openLine the first line that may change when the text grows
     * @param open the index in the text where that line begins
     */
    record Lines(List<AttributedString> lines, int openLine, int open) {}

    Lines lay(String text, int width);

    /** The prefix that a continuation of a text needs to be laid out in the same way. */
    String again(String text);
}
