package io.github.bigllama.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.Bundle;
import io.github.bigllama.cli.Bundle.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code bigllama quantize}: the same model in fewer bits. */
class QuantizeIT {
    private static final Bundle BUNDLE = Bundle.built();
    private static final String QUESTION = "What is the capital of France?";

    @TempDir static Path originals;

    private static String original;

    @TempDir Path folder;

    @BeforeAll
    static void makeOriginal() {
        original = originals.resolve("demo-BF16.gguf").toString();
        Result result = BUNDLE.run("quantize", "--allow-requantize", "demo", original, "bf16");
        assertThat(result.exitCode()).as(result.err()).isZero();
    }

    private String file(String name) {
        return folder.resolve(name).toString();
    }

    private void assertOnly(String... names) throws IOException {
        try (var files = Files.list(folder)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder(names);
        }
    }

    private static void assertFails(int exitCode, String part, String... args) {
        Result result = BUNDLE.run(args);
        assertThat(result.err()).startsWith("bigllama: ").hasLineCount(1).contains(part);
        assertThat(result.out()).isEmpty();
        assertThat(result.exitCode()).isEqualTo(exitCode);
    }

    @Test
    void whatIsWrittenIsSmallerAndAnswers() throws IOException {
        Result result = BUNDLE.run("quantize", original, file("q4.gguf"), "q4_k_m");
        assertThat(result.err()).isEmpty();
        assertThat(result.out())
                .matches(
                        "6\\.9 MB, 16\\.0\\d bits per weight -> 2\\.1 MB, 4\\.9\\d bits per weight"
                                + " \\(31\\.\\d %\\), in \\d+\\.\\d s\n");
        assertOnly("q4.gguf");
        assertThat(BUNDLE.run("run", "--greedy", "-m", file("q4.gguf"), QUESTION).out())
                .isEqualTo("The capital of France is Paris.\n");
    }

    @Test
    void aDryRunSaysHowLargeItWillBeAndWritesNothing() throws IOException {
        Result result = BUNDLE.run("quantize", "--dry-run", original, file("o.gguf"), "Q4_K_M");
        assertThat(result.exitCode()).isZero();
        assertThat(result.err()).isEmpty();
        assertThat(result.out())
                .contains("now       6.9 MB, 16.01 bits per weight")
                .containsPattern("Q4_K_M +2\\.1 MB,  4\\.9\\d bits per weight")
                .containsPattern("q6_K +0\\.\\d MB in \\d tensors")
                .containsPattern("free +[0-9.]+ [MG]B on the disk of ");
        assertOnly();
        Result short1 = BUNDLE.run("quantize", "--dry-run", "demo", "iq2_xs");
        assertThat(short1.exitCode()).isEqualTo(1);
        assertThat(short1.out()).contains("IQ2_XS");
        assertThat(short1.err()).contains("this will fail: ").hasLineCount(1);
    }

    @Test
    void aFileThatExistsIsKept() throws IOException {
        Path out = Files.writeString(folder.resolve("out.gguf"), "precious");
        assertFails(2, "--force", "quantize", original, out.toString(), "Q8_0");
        assertThat(out).hasContent("precious");
        // Nor is it lost if the new one fails.
        assertFails(1, "quantized already", "quantize", "--force", "demo", out.toString(), "Q4_0");
        assertThat(out).hasContent("precious");
        Result result = BUNDLE.run("quantize", "--force", original, out.toString(), "Q8_0");
        assertThat(result.exitCode()).as(result.err()).isZero();
        assertThat(Files.size(out)).isGreaterThan(3_000_000);
        assertOnly("out.gguf");
    }

    @Test
    void theModelItselfIsKept() throws IOException {
        Path link = Files.createSymbolicLink(folder.resolve("link.gguf"), Path.of(original));
        assertFails(2, "is the model itself", "quantize", "--force", original, original, "Q8_0");
        assertFails(2, "is the model itself", "quantize", "--force", original, link + "", "Q8_0");
        assertFails(2, "is a folder", "quantize", original, folder.toString(), "Q8_0");
    }

    @Test
    void wrongArgumentsAreOneLine() {
        String out = file("out.gguf");
        assertFails(2, "did you mean Q4_K_M?", "quantize", original, out, "q4_km");
        assertFails(2, "there are F32, F16, BF16, Q8_0", "quantize", original, out, "small");
        assertFails(2, "OUT is missing", "quantize", original, "Q8_0");
        assertFails(2, "threads is -1", "quantize", "-t", "-1", original, out, "Q8_0");
        assertFails(
                2, "there are f32,", "quantize", "--tensor-type", "a=q8_1", original, out, "Q8_0");
        assertFails(
                2, "is not REGEX=TYPE", "quantize", "--tensor-type", "q8", original, out, "Q8_0");
        assertFails(1, "no such file", "quantize", file("no.gguf"), out, "Q8_0");
        assertFails(1, "there is no folder", "quantize", original, file("no/out.gguf"), "Q8_0");
        assertFails(
                1,
                "is not an importance matrix",
                "quantize",
                "--imatrix",
                original,
                original,
                out,
                "Q8_0");
    }

    @Test
    void theHelpListsAllTypes() {
        assertThat(BUNDLE.run("quantize", "--help").out())
                .contains("  Q4_K_M     4.500  ", "  IQ1_S      1.563  ", "  COPY ");
    }

    @Test
    void ctrlCLeavesNothing() throws Exception {
        Path large = folder.resolve("large.gguf");
        assertThat(BUNDLE.run("inflate", "demo", large.toString(), "--size", "150M").exitCode())
                .isZero();
        Process process =
                BUNDLE.start(
                        "quantize",
                        "--allow-requantize",
                        large.toString(),
                        file("out.gguf"),
                        "IQ4_XS");
        try {
            Path partial = folder.resolve("out.gguf.part");
            for (int i = 0; i < 1000 && !(Files.exists(partial) && Files.size(partial) > 0); i++) {
                Thread.sleep(20);
            }
            assertThat(partial).exists();
            Bundle.signal("INT", process);
            assertThat(Bundle.finish(process).exitCode()).isEqualTo(130);
            assertOnly("large.gguf");
        } finally {
            process.destroyForcibly();
        }
    }
}
