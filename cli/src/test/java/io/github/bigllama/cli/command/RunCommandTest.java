package io.github.bigllama.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class RunCommandTest {
    @Test
    void thePromptIsWhatIsLeft() {
        RunCommand command = new RunCommand();
        // As Main has it: a prompt may begin with @.
        new CommandLine(command)
                .setExpandAtFiles(false)
                .parseArgs("@home", "-n", "5", "is", "--", "-n", "what?");
        InputStream before = System.in;
        System.setIn(InputStream.nullInputStream());
        try {
            assertThat(command.text.read("prompt", true)).isEqualTo("@home is -n what?");
        } finally {
            System.setIn(before);
        }
    }
}
