package io.github.bigllama.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.bigllama.cli.Bundle.Result;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers under a limit that the kernel enforces: a memory cgroup smaller than the model. */
class MemoryLimitIT {
    private static final String QUESTION = "What is the capital of France?";
    private static final String ANSWER = "The capital of France is Paris.\n";
    private static final long MODEL = 600_000_000;

    /** For everything that is not weights: the JVM, the program's own files, buffers. */
    private static final long ALLOWANCE = 260_000_000;

    @TempDir static Path folder;

    private static final Bundle BUNDLE = Bundle.built();
    private static Path model;
    private static Path script;

    @BeforeAll
    static void inflate() {
        script = Path.of(System.getProperty("bigllama.scripts"), "with-memory-limit");
        Result trial = limited(100_000_000, folder.resolve("trial"), List.of("true"));
        boolean permitted = trial.exitCode() == 0;
        if (!permitted) {
            System.err.println("MemoryLimitIT is skipped: " + trial.err().strip());
        }
        assumeTrue(permitted, trial.err());
        model = folder.resolve("model.gguf");
        Result result = BUNDLE.run("inflate", "demo", model.toString(), "--size", "" + MODEL);
        assertThat(result.exitCode()).as(result.err()).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {75, 50, 25, 15})
    void answersWithLessMemoryThanTheModel(int percent) {
        Path stats = folder.resolve("stats-" + percent);
        long limit = MODEL * percent / 100 + ALLOWANCE;
        Result result = limited(limit, stats, run(List.of()));
        assertThat(result.out()).isEqualTo(ANSWER);
        assertThat(result.exitCode()).isZero();
        assertThat(result.err()).contains("RAM for them");
        assertThat(read(stats).get("KILLS")).isZero();
        assertThat(read(stats).get("PEAK")).isLessThanOrEqualTo(limit);
    }

    @Test
    void keepsToTheRamThatItIsGivenThoughThereIsMore() {
        Path stats = folder.resolve("stats-ram");
        Result result = limited(4_000_000_000L, stats, run(List.of("--ram", "500M")));
        assertThat(result.out()).isEqualTo(ANSWER);
        // The program's own files are in the page cache too: they are no memory of the process.
        assertThat(read(stats).get("PEAK")).isLessThanOrEqualTo(500_000_000L + 80_000_000L);
        assertThat(read(stats).get("HITS")).isZero();
    }

    @Test
    void tooLittleForAnyPlanIsOneLineThatSaysHowMuchWouldDo() {
        Result result = limited(120_000_000, folder.resolve("stats-little"), run(List.of()));
        assertThat(result.exitCode()).isEqualTo(1);
        assertThat(result.out()).isEmpty();
        assertThat(result.err())
                .contains("model.gguf")
                .containsPattern("at least [0-9.]+ GB are needed");
    }

    @Test
    void quantizesWithMuchLessMemoryThanTheModel() {
        Path stats = folder.resolve("stats-quantize");
        List<String> command =
                List.of(
                        BUNDLE.command().toString(),
                        "quantize",
                        "--allow-requantize",
                        model.toString(),
                        folder.resolve("quantized.gguf").toString(),
                        "Q4_0");
        Result result = limited(MODEL / 3, stats, command);
        assertThat(result.exitCode()).as(result.err()).isZero();
        assertThat(read(stats).get("KILLS")).isZero();
        assertThat(read(stats).get("PEAK")).isLessThanOrEqualTo(MODEL / 3);
    }

    private static List<String> run(List<String> options) {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                BUNDLE.command().toString(),
                                "run",
                                "--greedy",
                                "--model",
                                model.toString()));
        command.addAll(options);
        command.add(QUESTION);
        return command;
    }

    private static Result limited(long limit, Path stats, List<String> command) {
        List<String> line =
                new ArrayList<>(List.of(Long.toString(limit), "--stats", stats.toString()));
        line.addAll(command);
        return BUNDLE.runProgram(script, new byte[0], line.toArray(String[]::new));
    }

    private static Map<String, Long> read(Path stats) {
        try {
            return Files.readAllLines(stats).stream()
                    .map(line -> line.split("="))
                    .collect(Collectors.toMap(parts -> parts[0], parts -> Long.valueOf(parts[1])));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
