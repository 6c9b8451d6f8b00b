package io.github.bigllama.cli.chat;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.Bundle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code bigllama chat} at a terminal: typing, editing, interrupting. */
class ChatTerminalIT {
    private static final String CTRL_C = "\003";
    private static final String CTRL_D = "\004";

    /** In the keypad mode that JLine asks terminals for. */
    private static final String UP = "\033OA";

    @TempDir Path folder;

    @BeforeEach
    void needsAPseudoTerminal() {
        PseudoTerminal.assumeAvailable();
    }

    private PseudoTerminal chat(String... more) throws IOException {
        return chatAt("xterm", more);
    }

    private PseudoTerminal chatAt(String type, String... more) throws IOException {
        String model = Bundle.built().demoModel().toString();
        List<String> args = new ArrayList<>(List.of("chat", "-m", model, "--greedy"));
        args.addAll(List.of(more));
        return new PseudoTerminal(folder, type, args.toArray(String[]::new));
    }

    @Test
    void askReadStatsQuit() throws Exception {
        try (PseudoTerminal terminal = chat()) {
            terminal.await("llama 3.4M Q8_0, context of 1024 tokens; /help for help");
            terminal.await("> ");
            terminal.type("What is the capital of France?\r");
            terminal.await("The capital of France is Paris.");
            terminal.await("> ");
            terminal.type("/stats\r");
            terminal.await("tokens of context used");
            terminal.await("> ");
            terminal.type("/quit\r");
            assertThat(terminal.exitCode()).isZero();
        }
    }

    @Test
    void ctrlCStopsTheAnswerAndThenLeaves() throws Exception {
        try (PseudoTerminal terminal = chat(Bundle.ENDLESS)) {
            terminal.await("> ");
            terminal.type("Tell me a story.\r");
            terminal.await("the farmer had an idea");
            terminal.type(CTRL_C);
            terminal.await("interrupted");
            terminal.await("> ");
            // Terminals throw away what they have not delivered when Ctrl-C comes.
            terminal.type("half a line");
            terminal.await("half a line");
            terminal.type(CTRL_C);
            terminal.await("> ");
            terminal.type("/stats\r");
            terminal.await("stopped:   interrupted");
            terminal.await("> ");
            terminal.type(CTRL_C);
            assertThat(terminal.exitCode()).isZero();
        }
    }

    @Test
    void linesThatGoOnAndHistory() throws Exception {
        try (PseudoTerminal terminal = chat()) {
            terminal.await("> ");
            terminal.type("Repeat after me: copper \\\r");
            terminal.await("… ");
            terminal.type("tiger\r");
            terminal.await("> ");
            terminal.type("Draw a llama.\r");
            terminal.await("🦙");
            terminal.await("> ");
            terminal.type(UP + "\r");
            terminal.await("🦙");
            terminal.await("> ");
            terminal.type(CTRL_D);
            assertThat(terminal.exitCode()).isZero();
        }
        Path history = folder.resolve("bigllama/history/bigllama-demo-Q8_0.gguf");
        assertThat(history).content().contains("Draw a llama.");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(history)))
                .isEqualTo("rw-------");
    }

    @Test
    void aPasteOfSeveralLinesIsOneMessage() throws Exception {
        try (PseudoTerminal terminal = chat()) {
            terminal.await("> ");
            terminal.type("\033[200~My name is\nGreta.\033[201~");
            terminal.type("\r/stats\r");
            terminal.await("stopped:   the model ended");
            assertThat(terminal.seen().split("stopped:", -1)).hasSize(2);
            terminal.type("/quit\r");
            assertThat(terminal.exitCode()).isZero();
        }
    }

    @Test
    void worksOnADumbTerminal() throws Exception {
        try (PseudoTerminal terminal = chatAt("dumb")) {
            terminal.await("> ");
            terminal.type("Draw a llama.\r");
            terminal.await("🦙");
            terminal.type("/quit\r");
            assertThat(terminal.exitCode()).isZero();
        }
    }

    @Test
    void runWithNothingToDoAsksForAPrompt() throws Exception {
        try (PseudoTerminal terminal = new PseudoTerminal(folder, "xterm", "run")) {
            terminal.await(
                    "bigllama: there is no prompt; give it as an argument, with --file, or "
                            + "through a pipe");
            assertThat(terminal.exitCode()).isEqualTo(2);
        }
    }
}
