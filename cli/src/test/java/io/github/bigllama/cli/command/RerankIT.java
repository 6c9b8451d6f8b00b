package io.github.bigllama.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.bigllama.cli.Bundle;
import io.github.bigllama.cli.Bundle.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code bigllama rerank}: documents are sorted by their scores. */
class RerankIT {
    private static final JsonMapper MAPPER = new JsonMapper();
    private static final String QUERY = "What is the capital of France?";
    private static final List<String> DOCUMENTS =
            List.of("The capital of France is Paris.", "One, two.", "Llamas hum when they worry.");

    private static final Bundle BUNDLE = Bundle.built();

    @TempDir private static Path folder;

    private static Path model;

    @BeforeAll
    static void write() {
        model = folder.resolve("reranker.gguf");
        String[] args = {"random-model", "--shape", "reranker", "--size", "2M", model.toString()};
        assertThat(BUNDLE.run(args).exitCode()).isZero();
    }

    private static Result rerank(String input, String... args) {
        return BUNDLE.runWith(
                input,
                Stream.concat(
                                Stream.of("rerank", "-m", model.toString(), "-t", "1"),
                                Stream.of(args))
                        .toArray(String[]::new));
    }

    private static List<JsonNode> json(Result result) throws IOException {
        assertThat(result.exitCode()).as(result.err()).isZero();
        return MAPPER.readerFor(JsonNode.class).<JsonNode>readValues(result.out()).readAll();
    }

    @Test
    void argumentsAFileAndAPipeGiveTheSameInTheOrderOfTheScores() throws IOException {
        String lines = String.join("\n", DOCUMENTS) + "\n";
        Path file = Files.writeString(folder.resolve("documents"), lines);
        List<JsonNode> sorted = json(rerank("", "--json", "-f", file.toString(), QUERY));
        assertThat(sorted).hasSize(3);
        assertThat(sorted).extracting(node -> node.get("index").intValue()).contains(0, 1, 2);
        assertThat(sorted)
                .extracting(node -> node.get("score").doubleValue())
                .isSortedAccordingTo(Comparator.reverseOrder())
                .doesNotHaveDuplicates();
        for (JsonNode node : sorted) {
            assertThat(node.get("text").textValue())
                    .isEqualTo(DOCUMENTS.get(node.get("index").intValue()));
            assertThat(node.at("/scores/yes").doubleValue())
                    .isEqualTo(node.get("score").doubleValue());
        }
        assertThat(json(rerank(lines, "--json", QUERY))).isEqualTo(sorted);
        assertThat(json(rerank(lines, "--json", QUERY, "-"))).isEqualTo(sorted);
        String[] arguments =
                Stream.concat(Stream.of("--json", QUERY), DOCUMENTS.stream())
                        .toArray(String[]::new);
        assertThat(json(rerank("", arguments))).isEqualTo(sorted);
        assertThat(json(rerank(lines, "--json", "--top-n", "2", QUERY)))
                .isEqualTo(sorted.subList(0, 2));
        String[] plain = rerank("\n" + lines, QUERY).out().lines().toArray(String[]::new);
        assertThat(plain).hasSize(3);
        assertThat(plain[0])
                .matches(
                        "[0-9]+[.][0-9]+\t%d\t%s"
                                .formatted(
                                        sorted.getFirst().get("index").intValue() + 2,
                                        sorted.getFirst().get("text").textValue()));
        assertThat(Double.parseDouble(plain[0].split("\t")[0]))
                .isEqualTo(sorted.getFirst().get("score").doubleValue());
    }

    @Test
    void jsonLinesKeepTheirKeys() throws IOException {
        String lines = "\"One.\"\n{\"id\": 7, \"text\": \"Two,\\nand \\u0000 three.\"}\n\"\"\n";
        List<JsonNode> sorted = json(rerank(lines, "--jsonl", "--json", QUERY));
        assertThat(sorted).hasSize(3);
        JsonNode two = sorted.stream().filter(node -> node.has("id")).findFirst().orElseThrow();
        assertThat(two.get("text").textValue()).isEqualTo("Two,\nand \0 three.");
        assertThat(two.get("index").intValue()).isEqualTo(1);
        assertThat(rerank(lines, "--jsonl", QUERY).out().lines()).hasSize(3);
    }

    @Test
    void aDocumentThatIsTooLongIsCutOnDemand() throws IOException {
        String lines = "One.\n" + "and two ".repeat(40) + "\n";
        Result refused = rerank(lines, "-b", "64", QUERY);
        assertThat(refused.exitCode()).isEqualTo(1);
        assertThat(refused.out()).isEmpty();
        assertThat(refused.complaint())
                .contains("line 2 with the query has", "but 64 are", "--truncate", "with -b")
                .hasLineCount(1);
        assertThat(json(rerank(lines, "--json", "-b", "64", "--truncate", QUERY))).hasSize(2);
        assertThat(rerank(lines, "-b", "64", "--truncate", lines.strip()).complaint())
                .contains("the query has", "shorten it")
                .hasLineCount(1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "q --jsonl           | {\"a\": 1} | line 1: it has no \"text\"",
                "q --jsonl           | 7          | line 1: it is a number",
                "q --jsonl           | {\"text\": 7} | line 1: its \"text\" is a number",
                "q --jsonl           | {\"text\": \"a\", \"score\": 1} | line 1: \"score\" is a key",
                "q --top-n=0         | a          | --top-n is 0",
                "q -md x.gguf        | a          | --model-draft drafts tokens of answers",
                "q --batch-size=-1   | a          | --batch-size is -1",
                "q                   | `  `       | there is no document",
                "q -f nowhere        | a          | cannot read the document from nowhere",
                "--json              | a          | QUERY"
            })
    void mistakesAreExplainedInOneLine(String options, String input, String complaint) {
        Result result = rerank(input + "\n", options.split(" +"));
        assertThat(result.exitCode()).isIn(1, 2);
        assertThat(result.out()).isEmpty();
        assertThat(result.complaint()).contains(complaint).hasLineCount(1);
    }

    @Test
    void aModelOfAnotherKindIsRefusedByName() {
        Map<Result, String> refused =
                Map.of(
                        BUNDLE.run("rerank", "-m", BUNDLE.demoModel().toString(), QUERY, "a"),
                        "is a language model, which continues texts and chats",
                        BUNDLE.run("embed", "-m", model.toString(), "a"),
                        "is a reranker, which scores documents for a query",
                        BUNDLE.run("run", "-m", model.toString(), "a"),
                        "is a reranker, which scores documents for a query");
        refused.forEach(
                (result, reason) -> {
                    assertThat(result.exitCode()).isEqualTo(1);
                    assertThat(result.out()).isEmpty();
                    assertThat(result.complaint()).contains(reason).hasLineCount(1);
                });
    }
}
