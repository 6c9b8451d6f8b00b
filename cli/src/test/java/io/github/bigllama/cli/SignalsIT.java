package io.github.bigllama.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.Bundle.Result;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** Ctrl-C, other signals, and readers that go away. */
class SignalsIT {
    private final Bundle bundle = Bundle.built();

    private static String[] endless(String command, String... more) {
        List<String> args = new ArrayList<>();
        args.add(command);
        args.addAll(List.of(Bundle.ENDLESS));
        args.addAll(List.of(more));
        return args.toArray(String[]::new);
    }

    private void assertSignalled(String signal, int exitCode) throws IOException {
        Process process = bundle.start(endless("run", "Tell me a story."));
        try {
            process.getOutputStream().close();
            String beginning = Bundle.readUntil(process.getInputStream(), "Once upon a time");
            Bundle.signal(signal, process);
            Result result = Bundle.finish(process);
            assertThat(result.exitCode()).isEqualTo(exitCode);
            assertThat(beginning + result.out()).startsWith("Once upon a time").endsWith("\n");
            assertThat(result.complaint()).isEmpty();
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void ctrlCEndsTheAnswerAndKeepsWhatWasSaid() throws IOException {
        assertSignalled("INT", 130);
    }

    @Test
    void soDoOtherSignals() throws IOException {
        assertSignalled("TERM", 143);
    }

    @Test
    void aReaderThatGoesEndsItQuietly() throws Exception {
        Process process = bundle.start(endless("run", "Tell me a story."));
        try {
            process.getOutputStream().close();
            Bundle.readUntil(process.getInputStream(), "Once");
            process.getInputStream().close();
            assertThat(process.waitFor(Bundle.PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).isEqualTo(141);
            assertThat(new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8))
                    .startsWith("bigllama: this is the demo model")
                    .hasLineCount(1);
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void aFullDiskIsAnError() {
        Path full = Path.of("/dev/full");
        Assumptions.assumeTrue(Files.exists(full), "this system has no /dev/full");
        String line = "exec '" + bundle.command() + "' run Hi >" + full;
        Result result = bundle.runProgram(Path.of("/bin/sh"), new byte[0], "-c", line);
        assertThat(result.exitCode()).isEqualTo(1);
        assertThat(result.complaint())
                .isEqualTo("bigllama: cannot write to standard output: No space left on device\n");
    }

    @Test
    void ctrlCInAChatStopsOnlyTheAnswer() throws IOException {
        Process process = bundle.start(endless("chat", "--commands"));
        try (OutputStream in = process.getOutputStream()) {
            in.write("Tell me a story.\n".getBytes(StandardCharsets.UTF_8));
            in.flush();
            Bundle.readUntil(process.getInputStream(), "Once upon a time");
            Bundle.signal("INT", process);
            Bundle.readUntil(process.getErrorStream(), "bigllama: interrupted\n");
            in.write("/reset\nCount from 3 to 17.\n".getBytes(StandardCharsets.UTF_8));
            in.flush();
            Bundle.readUntil(process.getErrorStream(), "bigllama: the conversation is forgotten\n");
            Bundle.readUntil(process.getInputStream(), "3 4 5 6 7 8 9 10 11 12 13 14 15 16 17");
            Bundle.signal("INT", process);
            Bundle.readUntil(process.getErrorStream(), "bigllama: interrupted\n");
            // Nothing is running now.
            Bundle.signal("INT", process);
            assertThat(Bundle.finish(process).exitCode()).isEqualTo(130);
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void aChatThatWaitsEndsAtOnce() throws Exception {
        Process process = bundle.start("chat");
        try (OutputStream in = process.getOutputStream()) {
            in.write("Draw a llama.\n".getBytes(StandardCharsets.UTF_8));
            in.flush();
            Bundle.readUntil(process.getInputStream(), "🦙\n");
            Bundle.signal("TERM", process);
            // Less than it waits for a computation.
            assertThat(process.waitFor(9, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).isEqualTo(143);
        } finally {
            process.destroyForcibly();
        }
    }
}
