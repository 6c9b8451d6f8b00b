package io.github.bigllama.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.Bundle.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands around models that are larger than RAM. */
class LargeModelIT {
    private static final Bundle BUNDLE = Bundle.built();

    @TempDir static Path folder;

    private static Path model;

    @BeforeAll
    static void inflate() {
        model = folder.resolve("model.gguf");
        Result result = BUNDLE.run("inflate", "demo", model.toString(), "--size", "120M");
        assertThat(result.complaint()).isEmpty();
        assertThat(result.out()).matches(Pattern.quote(model.toString()) + ": 1[12]\\d\\.\\d MB\n");
    }

    @Test
    void aFileThatExistsIsKept() throws Exception {
        long before = Files.getLastModifiedTime(model).toMillis();
        Result result = BUNDLE.run("inflate", "demo", model.toString(), "--size", "10M");
        assertThat(result.exitCode()).isEqualTo(2);
        assertThat(result.err()).isEqualTo("bigllama: " + model + " exists; --force replaces it\n");
        assertThat(Files.getLastModifiedTime(model).toMillis()).isEqualTo(before);
    }

    @Test
    void badArgumentsAreOneLine() {
        assertThat(BUNDLE.run("inflate", "demo", "x.gguf", "--size", "huge").err())
                .contains("'huge' is not a size; write 12G")
                .hasLineCount(1);
        assertThat(BUNDLE.run("inflate", "/no/such.gguf", folder + "/x.gguf", "--size", "1G").err())
                .contains("/no/such.gguf")
                .hasLineCount(1);
        assertThat(BUNDLE.run("run", "--ram", "1G", "--mlock", "-m", model.toString(), "x").err())
                .contains("--ram")
                .contains("--mlock")
                .hasLineCount(1);
        assertThat(BUNDLE.run("run", "--ram", "5", "-m", model.toString(), "x").err())
                .contains("--ram is 5 bytes, must be 1048576 (1MiB) or more")
                .hasLineCount(1);
        assertThat(BUNDLE.run("run", "--ram", "100M", "-m", model.toString(), "x").err())
                .containsPattern(
                        "are needed; the limit of 0\\.100 GB is for the whole process \\(weights, KV "
                                + "cache, .*\\), so give 0\\.1[0-9]+ GB or more")
                .hasLineCount(1);
        assertThat(BUNDLE.run("residency", folder.toString()).err()).hasLineCount(1);
        assertThat(BUNDLE.run("random-model", folder + "/y", "--shape", "round").err())
                .contains("'round', must be one of dense, moe,", "mamba")
                .hasLineCount(1);
        assertThat(BUNDLE.run("bench", "-m", model.toString(), "-r", "0").exitCode()).isEqualTo(2);
    }

    @Test
    void residencyIsALineALayer() {
        Result result = BUNDLE.run("residency", model.toString());
        assertThat(result.exitCode()).isZero();
        List<String> lines = result.out().lines().toList();
        // The demo model's embedding is its output projection too.
        assertThat(lines.getFirst()).startsWith("layer 0 ");
        assertThat(lines.get(lines.size() - 2)).startsWith("output ");
        assertThat(lines.getLast()).contains("in RAM");
    }

    @Test
    void probePrintsNumbersForScripts() {
        assertThat(BUNDLE.run("probe", "disk", model.toString()).out()).matches("[1-9]\\d*\n");
        assertThat(BUNDLE.run("probe", "weights", model.toString()).out())
                .matches("[1-9]\\d* \\d+ \\d+\n");
        assertThat(BUNDLE.run("probe", "disk", "nosuch").err())
                .isEqualTo("bigllama: cannot read nosuch: no such file\n");
        assertThat(BUNDLE.run("--help").out()).contains("bench").doesNotContain("probe");
    }

    @Test
    void benchPrintsATableOrCsv() {
        String[] quick = {"bench", "-m", model.toString(), "-p", "8", "-n", "4", "-r", "2"};
        Result table = BUNDLE.run(quick);
        assertThat(table.exitCode()).as(table.err()).isZero();
        assertThat(table.err()).startsWith("bigllama: model.gguf, llama ");
        assertThat(table.out()).contains("| pp8 |").contains("| tg4 |");
        String[] csv = {"bench", "-m", model.toString(), "-p", "0", "-n", "4", "-r", "1", "-ocsv"};
        assertThat(BUNDLE.run(csv).out().lines().toList().get(1)).matches("tg4,[0-9.]+,.*");
    }

    @Test
    void statisticsSayWhatWasRead() {
        Result result =
                BUNDLE.run(
                        "run",
                        "--greedy",
                        "--stats",
                        "--ram",
                        "160M",
                        "-m",
                        model.toString(),
                        "What is the capital of France?");
        assertThat(result.out()).isEqualTo("The capital of France is Paris.\n");
        assertThat(result.err())
                .containsPattern(
                        "weights: .*% in RAM, .* read per token (into .* of its own|through the "
                                + "page cache) at");
        assertThat(result.err()).contains("RAM for them");
    }

    @Test
    void theChatDrawsIt() {
        String[] chat = {"chat", "--commands", "--greedy", "-m", model.toString()};
        Result result = BUNDLE.runWith("What is the capital of France?\n/residency\n", chat);
        assertThat(result.exitCode()).isZero();
        assertThat(result.err()).contains("layer 0 ").contains("in RAM");
    }
}
