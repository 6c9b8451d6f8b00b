package io.github.bigllama.cli.chat;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.Bundle;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** The bundle at a terminal, which the program {@code script} makes. */
public final class PseudoTerminal implements AutoCloseable {
    private static final Path SCRIPT = Path.of("/usr/bin/script");

    /** Colours, movements of the cursor, modes. */
    private static final Pattern ESCAPES =
            Pattern.compile("\033(\\[[0-9;?=>]*[A-Za-z]|[=>]|[()].|\\][^\007]*\007)");

    /** The line below the text: the cursor is kept, moved there, and put back. */
    private static final Pattern STATUS = Pattern.compile("\0337.*?\0338", Pattern.DOTALL);

    private final Process process;
    private final StringBuffer output = new StringBuffer();
    private int awaited;

    /** Starts a command, with its state in a folder, at a terminal of a type such as xterm. */
    public PseudoTerminal(Path stateHome, String type, String... args) throws IOException {
        String line =
                Stream.concat(Stream.of(Bundle.built().command().toString()), Arrays.stream(args))
                        .map(arg -> "'" + arg + "'")
                        .collect(Collectors.joining(" ", "stty rows 30 cols 120; exec ", ""));
        boolean mac = System.getProperty("os.name").startsWith("Mac");
        ProcessBuilder builder =
                new ProcessBuilder(
                        mac
                                ? List.of(
                                        SCRIPT.toString(), "-q", "/dev/null", "/bin/sh", "-c", line)
                                : List.of(SCRIPT.toString(), "-qefc", line, "/dev/null"));
        builder.environment().remove("BIGLLAMA_MODEL");
        builder.environment().put("TERM", type);
        builder.environment().put("SHELL", "/bin/sh");
        builder.environment().put("XDG_STATE_HOME", stateHome.toString());
        process = builder.redirectErrorStream(true).start();
        Thread.ofVirtual().start(this::read);
    }

    /** Skips the test where there is no such thing. */
    public static void assumeAvailable() {
        Assumptions.assumeTrue(
                Files.isExecutable(SCRIPT), "no pseudo-terminal: this system has no " + SCRIPT);
    }

    public void type(String keys) throws IOException {
        process.getOutputStream().write(keys.getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush();
    }

    /** Waits until a text has appeared after the last one that was awaited. */
    public void await(String text) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(Bundle.PATIENCE_SECONDS);
        while (true) {
            String seen = seen();
            int found = seen.indexOf(text, awaited);
            if (found >= 0) {
                awaited = found + text.length();
                return;
            }
            assertThat(System.nanoTime())
                    .as(
                            "\"%s\" in what the terminal shows after character %d of: %s",
                            text, awaited, seen)
                    .isLessThan(deadline);
            Thread.sleep(20);
        }
    }

    /** Everything that was shown, without the escape sequences and the line of status. */
    public String seen() {
        return ESCAPES.matcher(STATUS.matcher(output).replaceAll("")).replaceAll("");
    }

    /** Waits for the end. */
    public int exitCode() throws InterruptedException {
        assertThat(process.waitFor(Bundle.PATIENCE_SECONDS, TimeUnit.SECONDS))
                .as("it ends; the terminal shows: %s", seen())
                .isTrue();
        return process.exitValue();
    }

    @Override
    public void close() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    private void read() {
        try (Reader in = new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8)) {
            char[] buffer = new char[1024];
            for (int n; (n = in.read(buffer)) >= 0; ) {
                output.append(buffer, 0, n);
            }
        } catch (IOException e) {
            // The terminal is gone, and with it the program.
        }
    }
}
