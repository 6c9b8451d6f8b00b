package io.github.bigllama.cli.chat;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.jline.terminal.Size;
import org.jline.terminal.Terminal;
import org.jline.terminal.impl.DumbTerminal;
import org.jline.utils.AttributedString;
import org.junit.jupiter.api.Test;

class StatusLineTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    private Terminal terminal(int columns) throws IOException {
        Terminal terminal =
                new DumbTerminal(
                        "test",
                        "dumb",
                        new ByteArrayInputStream(new byte[0]),
                        out,
                        StandardCharsets.UTF_8);
        terminal.setSize(new Size(columns, 24));
        return terminal;
    }

    private String written() {
        String text = out.toString(StandardCharsets.UTF_8);
        out.reset();
        return text.replace('\033', '^');
    }

    /** After a change of the size, every place that was counted from a corner is another one. */
    @Test
    void staysBelowTheTextWhereverThatIs() throws IOException {
        Terminal terminal = terminal(10);
        StatusLine status = new StatusLine(terminal);
        status.show(new AttributedString("8 tokens/s and more"));
        assertThat(written()).isEqualTo("^D^[A^7^[B\r8 tokens/^8");
        terminal.setSize(new Size(6, 24));
        status.above(() -> terminal.writer().print("text"));
        assertThat(written()).isEqualTo("^[Jtext^D^[A^7^[B\r8 tok^8");
        status.show(new AttributedString(""));
        assertThat(written()).isEqualTo("^[J");
        status.above(() -> terminal.writer().print("text"));
        assertThat(written()).isEqualTo("text");
    }
}
