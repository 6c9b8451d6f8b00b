package io.github.bigllama.cli.chat;

import java.util.List;
import org.jline.utils.AttributedString;

/** How a text that is still growing looks in lines of a terminal. */
interface Layout {
    /**
     * A text in lines.
     *
     * @param lines what to show; a line may be wider than the terminal, which then breaks it
     * @param openLine the first line that may look otherwise when the text goes on
     * @param open where the text begins that this line and those after it show
     */
    record Lines(List<AttributedString> lines, int openLine, int open) {}

    Lines lay(String text, int width);

    /** What a text that goes on after this one must begin with, to be of the same kind. */
    String again(String text);
}
