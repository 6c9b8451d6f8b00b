package io.github.bigllama.cli.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.bigllama.cli.Bundle;
import io.github.bigllama.cli.Bundle.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code bigllama embed}: texts become vectors. */
class EmbedIT {
    private static final JsonMapper MAPPER = new JsonMapper();
    private static final String PARIS = "The capital of France is Paris.";

    private final Bundle bundle = Bundle.built();

    @TempDir Path folder;

    private static double[] vector(String line, String separator) {
        return Arrays.stream(line.split(separator)).mapToDouble(Double::parseDouble).toArray();
    }

    private static double length(double[] vector) {
        return Math.sqrt(Arrays.stream(vector).map(x -> x * x).sum());
    }

    @Test
    void anArgumentAFileAndAPipeGiveTheSame() throws IOException {
        Path file = Files.writeString(folder.resolve("texts"), PARIS + "\nOne, two.\n");
        Result argument = bundle.run("embed", PARIS);
        assertThat(argument.exitCode()).isZero();
        assertThat(argument.out().lines()).hasSize(1);
        assertThat(length(vector(argument.out().strip(), " "))).isBetween(0.9999, 1.0001);
        List<String> ofFile = bundle.run("embed", "-f", file.toString()).out().lines().toList();
        assertThat(ofFile).hasSize(2);
        assertThat(bundle.runWith(Files.readString(file), "embed").out().lines().toList())
                .isEqualTo(ofFile);
        assertThat(vector(ofFile.getFirst(), " "))
                .hasSameSizeAs(vector(argument.out().strip(), " "));
    }

    /** So that paste puts each vector beside its text. */
    @Test
    void eachLineHasItsVector() throws IOException {
        String lines = "\n" + PARIS + "\n  \n\none\u2028line\fonly\r\n\n";
        String[] command = {"embed", "--json", "--prefix", "text: "};
        List<String> texts = new ArrayList<>();
        for (String line : bundle.runWith(lines, command).out().lines().toList()) {
            texts.add(MAPPER.readTree(line).get("text").textValue());
        }
        assertThat(texts).containsExactly("", PARIS, "  ", "", "one\u2028line\fonly", "");
        assertThat(bundle.runWith("\n", command).out().lines()).hasSize(1);
        assertThat(bundle.runWith("", command).complaint()).contains("there is no text");
        assertThat(bundle.runWith("One.\nTwo.\n", "embed", "-", "Three.").out().lines()).hasSize(3);
        // JSON writes an empty text as "".
        String json = "\n\"One.\"\n\n\"a\u2028b\"\n";
        assertThat(bundle.runWith(json, "embed", "--jsonl").out().lines()).hasSize(2);
    }

    @Test
    void anEmptyTextNeedsATokenOfTheModel() {
        for (String lines : List.of("One.\n\nTwo.\n", "\"One.\"\n\"\"\n")) {
            Result refused =
                    lines.startsWith("\"")
                            ? bundle.runWith(lines, "embed", "--jsonl")
                            : bundle.runWith(lines, "embed");
            assertThat(refused.exitCode()).isEqualTo(1);
            assertThat(refused.out()).isEmpty();
            assertThat(refused.complaint())
                    .isEqualTo(
                            "bigllama: line 2 is empty, and this model has no tokens for an empty "
                                    + "text; remove the line, or set a --prefix\n");
        }
    }

    @Test
    void formsOfTheOutput() throws IOException {
        double[] plain = vector(bundle.run("embed", PARIS).out().strip(), " ");
        assertThat(vector(bundle.run("embed", "--csv", PARIS).out().strip(), ",")).isEqualTo(plain);
        JsonNode json = MAPPER.readTree(bundle.run("embed", "--json", PARIS).out());
        assertThat(json.get("text").textValue()).isEqualTo(PARIS);
        assertThat(json.get("embedding")).hasSize(plain.length);
        double[] raw = vector(bundle.run("embed", "--no-normalize", PARIS).out().strip(), " ");
        assertThat(length(raw)).isNotCloseTo(1, within(0.1));
    }

    @Test
    void jsonLinesKeepTheirKeys() throws IOException {
        String lines = "\"One.\"\n{\"id\": 7, \"text\": \"Two,\\nand three.\"}\n";
        Result result = bundle.runWith(lines, "embed", "--jsonl", "--json");
        List<String> out = result.out().lines().toList();
        assertThat(out).hasSize(2);
        assertThat(MAPPER.readTree(out.get(1)).get("id").intValue()).isEqualTo(7);
        assertThat(MAPPER.readTree(out.get(1)).get("text").textValue())
                .isEqualTo("Two,\nand three.");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "--jsonl              | {\"a\": 1} | line 1: it has no \"text\"",
                "--jsonl              | \"a        | line 1, column 3: it is not JSON",
                "--jsonl              | {\"text\": \"a\", \"embedding\": 1} | line 1: \"embedding\"",
                "--pooling=max        | a          | cls",
                "--batch-size=-1      | a          | --batch-size is -1",
                "--json --csv         | a          | mutually exclusive",
                "--batch-size=8       | What is the capital of France, and what of Iceland? "
                        + "| line 1 has"
            })
    void mistakesAreExplainedInOneLine(String options, String input, String complaint) {
        String[] args = ("embed " + options).split(" ");
        Result result = bundle.runWith(input + "\n", args);
        assertThat(result.exitCode()).isIn(1, 2);
        assertThat(result.out()).isEmpty();
        assertThat(result.complaint()).contains(complaint);
    }
}
