package io.github.bigllama.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.bigllama.cli.Bundle;
import io.github.bigllama.cli.Bundle.Result;
import io.github.bigllama.cli.process.ExitCode;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code bigllama inspect} and {@code bigllama plan}, and loads that are refused. */
class PlanIT {
    private static final JsonMapper JSON = new JsonMapper();

    @TempDir static Path folder;

    /** Of 115 GB, all of them holes. */
    private static String scout;

    private final Bundle bundle = Bundle.built();

    @BeforeAll
    static void write() {
        scout = folder.resolve("scout.gguf").toString();
        Result result = Bundle.built().run("random-model", "--shape", "scout", "--sparse", scout);
        assertThat(result.exitCode()).isZero();
    }

    @Test
    void inspectSaysWhatAModelIs() {
        Result result = bundle.run("inspect", "demo");
        assertThat(result.exitCode()).isZero();
        assertThat(result.err()).isEmpty();
        assertThat(result.out())
                .contains("architecture   llama\n")
                .contains("weights        3.41 million in 3.6 MB, 8.52 bits per weight\n")
                .contains("vocabulary     1024 tokens (gpt2)\n")
                .containsPattern("(?m)^4 equal layers from 0 +9 ")
                .containsPattern("(?m)^q8_0 +29 +3.6 MB +99.7[0-9] % ");
    }

    @Test
    void inspectAsJson() throws IOException {
        JsonNode json = JSON.readTree(bundle.run("inspect", "--json", scout).out());
        assertThat(json.get("architecture").textValue()).isEqualTo("llama4");
        assertThat(json.get("layers").intValue()).isEqualTo(48);
        assertThat(json.get("weights").longValue()).isGreaterThan(100_000_000_000L);
        assertThat(json.get("active").longValue()).isLessThan(20_000_000_000L);
        assertThat(json.get("types").get(0).get("name").textValue()).isEqualTo("q8_0");
    }

    @Test
    void inspectMetadataAndTensors() {
        assertThat(bundle.run("inspect", "demo", "--metadata", "llama.block_count").out())
                .isEqualTo("4\n");
        assertThat(bundle.run("inspect", "demo", "--metadata").out())
                .containsPattern("(?m)^llama\\.block_count +u32 +4$");
        Result none = bundle.run("inspect", "demo", "--metadata", "no.such.key");
        assertThat(none.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(none.err())
                .isEqualTo(
                        "bigllama: demo has no metadata key no.such.key; --metadata without a key "
                                + "lists all\n");
        assertThat(bundle.run("inspect", "demo", "--tensors").out())
                .containsPattern("(?m)^blk\\.0\\.attn_q\\.weight +q8_0 +256 x 256 +69632$")
                .hasLineCount(38);
    }

    @Test
    void planOfAModelMuchLargerThanRam() throws IOException {
        String[] arguments = {
            "plan", scout, "--ram", "24G", "--disk", "3GB", "--memory-bandwidth", "100GB"
        };
        Result text = bundle.run(arguments);
        assertThat(text.exitCode()).isZero();
        assertThat(text.err()).isEmpty();
        assertThat(text.out())
                .contains("larger than RAM: the weights that every token uses stay there, and ")
                .containsPattern("speed +[0-9.]+, between [0-9.]+ and [0-9.]+ tokens/s")
                .containsPattern("(?m)^RAM +24\\.00 GB$")
                .contains("what would help");
        JsonNode json =
                JSON.readTree(
                        bundle.run(
                                        "plan",
                                        scout,
                                        "--json",
                                        "--ram",
                                        "24G",
                                        "--disk",
                                        "3GB",
                                        "--memory-bandwidth",
                                        "100GB")
                                .out());
        JsonNode forecast = json.get("forecast");
        assertThat(forecast.get("verdict").textValue()).isEqualTo("HOT_SET_FITS");
        assertThat(forecast.get("ram").longValue()).isEqualTo(24_000_000_000L);
        assertThat(json.get("in_use").longValue()).isLessThan(24_000_000_000L);
        assertThat(json.get("by_ram")).hasSize(4);
        assertThat(json.get("by_pass")).hasSize(5);
        double expected = forecast.get("speed").get("expected").doubleValue();
        assertThat(expected)
                .isBetween(
                        forecast.get("speed").get("best").doubleValue(),
                        forecast.get("speed").get("worst").doubleValue());
    }

    @Test
    void planWithTooLittleRamSaysTheLeast() {
        Result result =
                bundle.run(
                        "plan", scout, "--ram", "1G", "--disk", "3GB", "--memory-bandwidth", "9GB");
        assertThat(result.exitCode()).isZero();
        assertThat(result.out())
                .containsPattern("does not run with 1.00 GB of RAM: it needs at least [0-9.]+ GB");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "http:///nowhere | 'http:///nowhere' is not the address of a model",
                "nosuch | nosuch: no such file, and no downloaded model with that name; bigllama "
                        + "list",
                "no-such-file.gguf | no-such-file.gguf: no such file: check the path",
                "http://localhost:1/m.gguf | http://localhost:1/m.gguf: cannot be reached: ",
            })
    void modelsThatAreNotThere(String source, String message) {
        Result result = bundle.run("inspect", source);
        assertThat(result.exitCode()).isNotZero();
        assertThat(result.err()).contains(message).hasLineCount(1);
    }

    @ParameterizedTest
    @CsvSource({
        "--no-mmap, leave out --no-mmap",
        "--mlock, leave out --mlock",
        "--direct-io, leave out --direct-io",
        "--mmap, 'add --no-repack, or leave out --mmap'"
    })
    void aLoadThatWouldGoWrongIsRefusedWithTheFlag(String flag, String hint) {
        Result result = bundle.run("run", "--model", scout, flag, "Hello");
        assertThat(result.exitCode()).isEqualTo(ExitCode.FAILED);
        assertThat(result.err()).contains(hint).hasLineCount(1);
    }

    @Test
    void aContextThatDoesNotFitIsRefused() {
        Result result =
                bundle.run(
                        "run", "--model", bundle.demoModel().toString(), "-c", "500000000", "Hi");
        assertThat(result.exitCode()).isEqualTo(ExitCode.FAILED);
        assertThat(result.err())
                .contains("a context of 500000000 tokens takes ")
                .contains("the largest that fits is ")
                .hasLineCount(1);
        assertThat(
                        bundle.run(
                                        "run",
                                        "--model",
                                        bundle.demoModel().toString(),
                                        "-c",
                                        "auto",
                                        "--greedy",
                                        "What is the capital of France?")
                                .out())
                .isEqualTo("The capital of France is Paris.\n");
    }
}
