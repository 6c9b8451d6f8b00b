package io.github.bigllama.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.bigllama.cli.Bundle;
import io.github.bigllama.cli.Bundle.Result;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code --logprobs}: how likely the model found each token. */
class LogprobsIT {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final Bundle bundle = Bundle.built();

    @TempDir Path folder;

    private static void assertTokens(Iterable<JsonNode> tokens, String text, int top) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (JsonNode token : tokens) {
            token.path("bytes").forEach(b -> bytes.write(b.asInt()));
            assertThat(token.path("logprob").asDouble(1)).isLessThanOrEqualTo(0);
            assertThat(token.path("top_logprobs")).hasSize(top);
            assertThat(token.path("top_logprobs").get(0).path("id")).isEqualTo(token.path("id"));
        }
        assertThat(bytes.toString(StandardCharsets.UTF_8)).isEqualTo(text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"What is the capital of France?", "Draw a llama."})
    void eachTokenIsALineOfJson(String question) throws IOException {
        Result result = bundle.run("run", "--logprobs", "3", question);
        assertThat(result.exitCode()).isZero();
        List<String> lines = result.out().lines().toList();
        List<JsonNode> tokens = new ArrayList<>();
        for (String line : lines) {
            tokens.add(MAPPER.readTree(line));
        }
        assertTokens(tokens, bundle.run("run", question).out().strip(), 3);
    }

    @Test
    void aBatchHasThemInItsLines() throws IOException {
        Path prompts =
                Files.writeString(
                        folder.resolve("prompts.jsonl"), "\"What is the capital of France?\"\n");
        Result result = bundle.run("run", "--logprobs", "2", "--batch", prompts.toString());
        JsonNode line = MAPPER.readTree(result.out());
        assertTokens(line.path("logprobs"), line.path("content").asText(), 2);
        assertThat(line.path("logprobs")).hasSize(line.path("tokens").asInt());
        Result plain = bundle.run("run", "--batch", prompts.toString());
        assertThat(MAPPER.readTree(plain.out()).has("logprobs")).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "-1", "many"})
    void aNumberThatIsNone(String number) {
        Result result = bundle.run("run", "--logprobs", number, "Hi");
        assertThat(result.exitCode()).isEqualTo(2);
        assertThat(result.complaint()).contains("--logprobs").contains(number).hasLineCount(1);
    }
}
