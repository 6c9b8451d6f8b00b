package io.github.bigllama.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.bigllama.cli.Bundle;
import io.github.bigllama.cli.Bundle.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code bigllama run --batch}: a file of prompts, a file of answers. */
class BatchIT {
    private static final JsonMapper MAPPER = new JsonMapper();
    private static final String FRANCE = "\"What is the capital of France?\"";
    private static final String PARIS = "The capital of France is Paris.";

    private final Bundle bundle = Bundle.built();

    @TempDir Path folder;

    private Path file(String... lines) throws IOException {
        return Files.writeString(folder.resolve("prompts.jsonl"), String.join("\n", lines) + "\n");
    }

    private static List<JsonNode> parse(String lines) throws IOException {
        List<JsonNode> nodes = new ArrayList<>();
        for (String line : lines.lines().toList()) {
            nodes.add(MAPPER.readTree(line));
        }
        return nodes;
    }

    @Test
    void answersLinesOfEachForm() throws IOException {
        Path prompts =
                file(
                        FRANCE,
                        "",
                        "{\"id\": 7, \"prompt\": \"What is the capital of Iceland?\"}",
                        "{\"messages\": [{\"role\": \"user\", \"content\": \"My name is Greta.\"},"
                                + " {\"role\": \"assistant\", \"content\": \"Nice to meet you, Greta!\"},"
                                + " {\"role\": \"user\", \"content\": \"What is my name?\"}]}");
        Result result = bundle.run("run", "--batch", prompts.toString(), "--parallel", "2");
        assertThat(result.complaint()).isEmpty();
        assertThat(result.exitCode()).isZero();
        List<JsonNode> answers = parse(result.out());
        assertThat(answers).hasSize(3);
        assertThat(answers.get(0).path("content").asText()).isEqualTo(PARIS);
        assertThat(answers.get(0).path("line").asInt()).isEqualTo(1);
        assertThat(answers.get(0).path("stop_reason").asText()).isEqualTo("end_of_generation");
        assertThat(answers.get(0).path("tokens").asInt()).isPositive();
        assertThat(answers.get(1).path("id").asInt()).isEqualTo(7);
        assertThat(answers.get(1).path("line").asInt()).isEqualTo(3);
        assertThat(answers.get(1).path("content").asText()).contains("Reykjavík");
        assertThat(answers.get(2).path("content").asText()).isEqualTo("Your name is Greta.");
    }

    @Test
    void numbersAreKeptAsTheyAreWritten() throws IOException {
        String keys = "\"id\":1e400,\"x\":[1E5,0.12345678901234567890123456789,-0]";
        Path answers = folder.resolve("answers.jsonl");
        String[] command = {
            "run",
            "--batch",
            file("{\"prompt\": \"Hi\", " + keys + "}").toString(),
            "-o",
            answers.toString()
        };
        assertThat(bundle.run(command).exitCode()).isZero();
        assertThat(Files.readString(answers)).startsWith("{" + keys + ",\"line\":1,");
        assertThat(bundle.run(command).err()).contains("has 1 of 1 answers");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"prompt\": \"\\ud800\"} | half of a pair",
                "{\"messages\": 1}   | line 2: its \"messages\" is a number",
                "{\"prompt\": \"a\",} | line 2, column 16: it is not JSON",
                "\"a\" \"b\"        | line 2, column",
                "[1]                 | line 2: it is an array",
                "{\"id\": 1}         | neither \"prompt\" nor \"messages\"",
                "{\"prompt\": \"a\", \"messages\": []} | both \"prompt\" and \"messages\"",
                "{\"prompt\": 5}     | line 2: the prompt is empty, or no string",
                "\" \"               | line 2: the prompt is empty",
                "{\"prompt\": \"a\", \"tokens\": 3} | \"tokens\" is a key of the result",
                "{\"messages\": [{\"role\": \"tool\", \"content\": \"a\"}]} | message 1 must have",
                "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}]} | the last message must be of the user",
            })
    void aLineThatIsWrongIsFoundBeforeAnythingIsAnswered(String line, String reason)
            throws IOException {
        Path answers = folder.resolve("answers.jsonl");
        Result result =
                bundle.run(
                        "run",
                        "--batch",
                        file(FRANCE, line).toString(),
                        "--output",
                        answers.toString());
        assertThat(result.exitCode()).isEqualTo(2);
        assertThat(result.err())
                .contains("prompts.jsonl, line 2")
                .contains(reason)
                .contains("a line is a string, or an object with \"prompt\"");
        assertThat(answers).doesNotExist();
    }

    @Test
    void whatAKilledProcessHasAnsweredIsNotAnsweredAgain() throws Exception {
        int lines = 400;
        Path prompts =
                file(
                        IntStream.range(0, lines)
                                .mapToObj(
                                        i ->
                                                "{\"prompt\": \"Tell me a story.\", \"id\": \"%d\"}"
                                                        .formatted(i))
                                .toArray(String[]::new));
        Path answers = folder.resolve("answers.jsonl");
        String[] command = {
            "run", "--batch", prompts.toString(), "-o", answers.toString(), "-n", "60"
        };
        Process process = bundle.start(command);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(Bundle.PATIENCE_SECONDS);
        while (Files.notExists(answers) || Files.size(answers) < 2000) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            Thread.sleep(10);
        }
        Bundle.signal("KILL", process);
        process.waitFor();
        String before = Files.readString(answers);
        assertThat(before.lines().count()).isLessThan(lines);
        // As if it had been killed in the middle of a line.
        Files.writeString(answers, "{\"id\": \"half a li", StandardOpenOption.APPEND);
        Result result = bundle.run(command);
        assertThat(result.exitCode()).isZero();
        assertThat(result.err()).containsPattern("has [0-9]+ of 400 answers and is continued");
        String after = Files.readString(answers);
        assertThat(after).startsWith(before.substring(0, before.lastIndexOf('\n') + 1));
        List<JsonNode> all = parse(after);
        assertThat(all.stream().map(node -> node.path("id").asInt()).toList())
                .isEqualTo(IntStream.range(0, lines).boxed().collect(Collectors.toList()));
        assertThat(all).allMatch(node -> node.path("tokens").asInt() > 0);
        assertThat(bundle.run(command).err()).contains("has 400 of 400 answers");
        assertThat(Files.readString(answers)).isEqualTo(after);
    }

    @Test
    void ctrlCEndsABatchThatTheSameCommandContinues() throws Exception {
        Path prompts =
                file(
                        IntStream.range(0, 2000)
                                .mapToObj(i -> "\"Tell me a story.\"")
                                .toArray(String[]::new));
        Path answers = folder.resolve("answers.jsonl");
        Process process =
                bundle.start("run", "--batch", prompts.toString(), "-o", answers.toString());
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(Bundle.PATIENCE_SECONDS);
        while (Files.notExists(answers) || Files.size(answers) < 1000) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            Thread.sleep(10);
        }
        Bundle.signal("INT", process);
        Result result = Bundle.finish(process);
        assertThat(result.exitCode()).isEqualTo(130);
        assertThat(result.err())
                .containsPattern("interrupted after [0-9]+ of 2000 answers; the same command");
        assertThat(Files.readString(answers)).endsWith("\n");
        parse(Files.readString(answers));
    }

    @Test
    void answersToOtherPromptsAreNotContinued() throws IOException {
        Path answers = folder.resolve("answers.jsonl");
        String[] command = {
            "run",
            "--batch",
            file("{\"id\": 1, \"prompt\": \"Hi\"}", FRANCE).toString(),
            "-o",
            answers.toString()
        };
        assertThat(bundle.run(command).exitCode()).isZero();
        String before = Files.readString(answers);
        file("{\"id\": 2, \"prompt\": \"Hi\"}", FRANCE);
        Result result = bundle.run(command);
        assertThat(result.exitCode()).isEqualTo(2);
        assertThat(result.err())
                .contains("answers.jsonl, line 1: it does not answer the same line")
                .contains("name another file, or remove this one");
        assertThat(Files.readString(answers)).isEqualTo(before);
    }

    @Test
    void aLineThatCannotBeAnsweredHasAnError() throws IOException {
        Path prompts = file(FRANCE, "\"" + "word ".repeat(5000) + "\"", FRANCE);
        Result result =
                bundle.run("run", "--batch", prompts.toString(), "-c", "256", "--parallel", "3");
        assertThat(result.exitCode()).isEqualTo(1);
        assertThat(result.err()).contains("1 of 3 lines could not be answered");
        List<JsonNode> answers = parse(result.out());
        assertThat(answers.get(0).path("content").asText()).isEqualTo(PARIS);
        assertThat(answers.get(1).path("error").asText()).contains("tokens");
        assertThat(answers.get(2).path("content").asText()).isEqualTo(PARIS);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--parallel 3 hello                | name the file of prompts with --batch",
                "--batch FILE hello                | --batch has its own prompts",
                "--batch FILE --raw                | --batch has its own prompts",
                "--batch FILE --parallel 0         | --parallel is 0, must be 1 to 256",
                "--batch FILE --parallel 257       | --parallel is 257, must be 1 to 256",
                "--batch FILE.none                 | no such file",
            })
    void optionsThatDoNotGoTogether(String arguments, String reason) throws IOException {
        String[] command = ("run " + arguments.replace("FILE", file(FRANCE).toString())).split(" ");
        Result result = bundle.run(command);
        assertThat(result.exitCode()).isBetween(1, 2);
        assertThat(result.err()).contains(reason);
        assertThat(result.out()).isEmpty();
    }

    @Test
    void aPipeIsReadOnce() {
        Result result = bundle.runWith(FRANCE + "\n", "run", "--batch", "-");
        assertThat(result.complaint()).isEmpty();
        assertThat(result.out()).contains(PARIS);
        assertThat(bundle.runWith(FRANCE + "\n", "run", "--batch", "/dev/stdin").out())
                .contains(PARIS);
    }
}
