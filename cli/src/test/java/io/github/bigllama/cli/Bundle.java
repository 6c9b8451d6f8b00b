package io.github.bigllama.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/** The bundle of this build, run as a user runs it. */
public final class Bundle {
    /** Much longer than anything takes, even on a busy machine. */
    public static final long PATIENCE_SECONDS = 120;

    /** An answer that continues until the context is full, because its end is forbidden. */
    public static final String[] ENDLESS = {"-c", "100096", "--logit-bias", "1023=-inf"};

    private final Path directory;
    private final Map<String, String> environment = new HashMap<>();

    public Bundle(Path directory) {
        this.directory = directory;
    }

    /** The bundle of the build. */
    public static Bundle built() {
        Path pointer = Path.of(System.getProperty("bigllama.bundle.pointer"));
        try {
            return new Bundle(pointer.resolveSibling(Files.readString(pointer).strip()));
        } catch (IOException e) {
            throw new UncheckedIOException("mvn verify makes the bundle before the tests", e);
        }
    }

    public Path directory() {
        return directory;
    }

    public Path command() {
        return directory.resolve("bin/bigllama");
    }

    public Path demoModel() {
        return directory.resolve("models/bigllama-demo-Q8_0.gguf");
    }

    /** Sets a variable for the commands. */
    public Bundle with(String variable, String value) {
        environment.put(variable, value);
        return this;
    }

    /** The result of a command. */
    public record Result(int exitCode, String out, String err) {
        /** The output on stderr, except the line about the demo model. */
        public String complaint() {
            return err.lines()
                    .filter(line -> !line.startsWith("bigllama: this is the demo model"))
                    .reduce("", (all, line) -> all + line + "\n");
        }
    }

    /** Runs a command with no standard input. */
    public Result run(String... args) {
        return runWith(new byte[0], args);
    }

    /** Runs a command with this text as standard input. */
    public Result runWith(String input, String... args) {
        return runWith(input.getBytes(StandardCharsets.UTF_8), args);
    }

    public Result runWith(byte[] input, String... args) {
        return runProgram(command(), input, args);
    }

    /** Runs it by another name. */
    public Result runProgram(Path program, byte[] input, String... args) {
        Process process = start(program, args);
        try {
            try (var stdin = process.getOutputStream()) {
                stdin.write(input);
            } catch (IOException e) {
                // It did not want to read all of it.
            }
            return finish(process);
        } finally {
            process.destroyForcibly();
        }
    }

    public Process start(String... args) {
        return start(command(), args);
    }

    private Process start(Path program, String... args) {
        List<String> line = new ArrayList<>();
        line.add(program.toString());
        line.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(line);
        builder.environment().remove("BIGLLAMA_MODEL");
        builder.environment().remove("BIGLLAMA_LIBRARY_PATH");
        builder.environment().putAll(environment);
        try {
            return builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Reads what it prints until it ends. */
    public static Result finish(Process process) {
        CompletableFuture<String> err =
                CompletableFuture.supplyAsync(() -> text(process.getErrorStream()));
        CompletableFuture<String> out =
                CompletableFuture.supplyAsync(() -> text(process.getInputStream()));
        try {
            assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).as("it ends").isTrue();
            return new Result(process.exitValue(), out.get(), err.get());
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Sends a signal as a shell does; Java knows only two of them. */
    public static void signal(String name, Process process) {
        try {
            Process kill =
                    new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                            .inheritIO()
                            .start();
            assertThat(kill.waitFor()).isZero();
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Reads UTF-8 until this text has arrived. */
    public static String readUntil(InputStream in, String text) throws IOException {
        // Bytes as characters: the text may end in the middle of a character.
        String wanted =
                new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
        StringBuilder read = new StringBuilder();
        for (int b; (b = in.read()) >= 0; ) {
            read.append((char) b);
            if (read.lastIndexOf(wanted) >= 0) {
                return read.toString();
            }
        }
        throw new IOException("it ended without saying " + text + ": " + read);
    }

    private static String text(InputStream in) {
        try {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
