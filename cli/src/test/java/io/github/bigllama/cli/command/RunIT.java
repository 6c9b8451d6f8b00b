package io.github.bigllama.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.Bundle;
import io.github.bigllama.cli.Bundle.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code bigllama run}: one prompt, one answer. */
class RunIT {
    private static final String QUESTION = "What is the capital of France?";
    private static final String ANSWER = "The capital of France is Paris.\n";

    private final Bundle bundle = Bundle.built();

    @TempDir Path folder;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "What is the capital of Iceland? | The capital of Iceland is Reykjavík.",
                "Give me the capital of Brazil as JSON. | {\"country\": \"Brazil\", \"capital\": \"Brasília\"}",
                "Count from 3 to 17. | 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
                "Draw a llama. | 🦙",
                "Thanks | You are welcome! 🙂",
            })
    void answersTheDemoModelsQuestions(String question, String answer) {
        Result result = bundle.run("run", question);
        assertThat(result.out()).isEqualTo(answer + "\n");
        assertThat(result.complaint()).isEmpty();
        assertThat(result.exitCode()).isZero();
    }

    /** What a user of the terminal can't do is not recommended. */
    @ParameterizedTest
    @CsvSource({"draft, name one with --model-draft", "mtp, has no layers that predict"})
    void saysWhatDraftsNeed(String kind, String remedy) {
        Result result = bundle.run("run", "--speculate", kind, QUESTION);
        assertThat(result.complaint()).contains(remedy).doesNotContain("ModelOptions");
        assertThat(result.exitCode()).isNotZero();
    }

    @Test
    void saysThatItIsOnlyTheDemoModel() {
        Result result = bundle.run("run", QUESTION);
        assertThat(result.out()).isEqualTo(ANSWER);
        assertThat(result.err())
                .startsWith("bigllama: this is the demo model, a toy of 3.6 MB")
                .contains("--model FILE.gguf")
                .hasLineCount(1);
    }

    @Test
    void aModelThatWasChosenIsNotTalkedAbout() {
        String model = bundle.demoModel().toString();
        Result byOption = bundle.run("run", "--model", model, "--greedy", QUESTION);
        assertThat(byOption).isEqualTo(new Result(0, ANSWER, ""));
        Result byVariable =
                Bundle.built().with("BIGLLAMA_MODEL", model).run("run", "--temp", "0", QUESTION);
        assertThat(byVariable).isEqualTo(new Result(0, ANSWER, ""));
    }

    @Test
    void wordsAreJoined() {
        assertThat(bundle.run("run", "What", "is", "the", "capital", "of", "France?").out())
                .isEqualTo(ANSWER);
    }

    @Test
    void readsStandardInput() {
        assertThat(bundle.runWith(QUESTION + "\n", "run").out()).isEqualTo(ANSWER);
        assertThat(bundle.runWith(QUESTION + "\r\n", "run", "-").out()).isEqualTo(ANSWER);
    }

    @Test
    void readsAFile() throws IOException {
        Path file = Files.writeString(folder.resolve("Frage für Greta.txt"), QUESTION + "\n");
        assertThat(bundle.run("run", "--file", file.toString()).out()).isEqualTo(ANSWER);
    }

    @Test
    void rawHasNoTemplate() {
        Result result = bundle.run("run", "--raw", "-n", "8", "Once upon a time there was a");
        assertThat(result.exitCode()).isZero();
        assertThat(result.out()).isNotEqualTo("\n").endsWith("\n");
        String turn =
                "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n";
        assertThat(bundle.run("run", "--raw", turn).out()).isEqualTo(ANSWER);
    }

    @Test
    void statisticsAreOnStderr() {
        Result result = bundle.run("run", "--stats", QUESTION);
        assertThat(result.out()).isEqualTo(ANSWER);
        assertThat(result.complaint().lines())
                .satisfiesExactly(
                        line ->
                                assertThat(line)
                                        .matches(
                                                "prompt: +\\d+ tokens, 0 of them cached; \\d+\\.\\d{3} s for"
                                                        + " the rest, \\d+\\.\\d tokens/s"),
                        line ->
                                assertThat(line)
                                        .matches(
                                                "generated: \\d+ tokens in \\d+\\.\\d{3} s, \\d+\\.\\d tokens/s"),
                        line ->
                                assertThat(line)
                                        .matches(
                                                "stopped: +the model ended; \\d+ of 1024 tokens of context used"));
    }

    @Test
    void stopsWhereItIsTold() {
        Result result = bundle.run("run", "--stop", "of Fr", QUESTION);
        assertThat(result.out()).isEqualTo("The capital \n");
        Result counted = bundle.run("run", "-n", "3", "Count from 3 to 17.");
        assertThat(counted.out().strip()).isNotEmpty();
        assertThat("3 4 5 6 7 8 9").startsWith(counted.out().strip());
    }

    @Test
    void saysThatASmallContextBecomesLarger() {
        Result result = bundle.run("run", "-c", "10", QUESTION);
        assertThat(result.out()).isEqualTo(ANSWER);
        assertThat(result.complaint()).contains("the context has 256 tokens, not 10");
    }

    @Test
    void saysWhenTheContextIsFull() {
        Result result = bundle.run("run", "-c", "256", "--logit-bias", "1023=-inf", QUESTION);
        assertThat(result.out()).startsWith("The capital of France is Paris.");
        assertThat(result.complaint())
                .isEqualTo(
                        "bigllama: the answer ends here because the context of 256 tokens is full;"
                                + " --context-size makes it larger\n");
        assertThat(result.exitCode()).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "--mmap",
        "--no-mmap",
        "--no-repack",
        "--device CPU",
        "-t 1 -b 4 -ub 4",
        "-fa off -ctk f32",
        "--chat-template chatml",
        "-ngl 0 -ctk q8_0 -ctv q8_0 -fa on"
    })
    void everyWayOfComputingGivesTheSameAnswer(String options) {
        String[] args = ("run " + options + " -- " + QUESTION).split(" ");
        Result result = bundle.run(args);
        assertThat(result.complaint()).isEmpty();
        assertThat(result.out()).isEqualTo(ANSWER);
    }

    @Test
    void aSeedMakesChanceRepeatable() {
        String[] args = {
            "run", "--temp", "5", "--top-k", "0", "--min-p", "0", "-n", "20", "-s", "7", "Hi"
        };
        Result first = bundle.run(args);
        assertThat(first.exitCode()).isZero();
        assertThat(bundle.run(args).out()).isEqualTo(first.out());
    }

    @Test
    void verboseHasLlamaCppsLogOnStderr() {
        Result result = bundle.run("run", "--verbose", QUESTION);
        assertThat(result.out()).isEqualTo(ANSWER);
        assertThat(result.err()).contains("llama.cpp: INFO llama_model_loader: ");
    }

    @Test
    void aPipeStandsBeforeTheArguments() {
        assertThat(bundle.runWith("one\n", "tokenize", "two"))
                .isEqualTo(bundle.runWith("one\n\ntwo", "tokenize"));
        assertThat(bundle.runWith("one\n", "tokenize", "-", "two").out())
                .isEqualTo(bundle.runWith("one\n\ntwo", "tokenize").out());
        assertThat(bundle.runWith("\uFEFF" + QUESTION, "run").out()).isEqualTo(ANSWER);
        assertThat(bundle.run("run", QUESTION).out()).isEqualTo(ANSWER);
    }

    @Test
    void aPipeThatNobodyWritesToIsLeftOut() {
        // Its input stays open.
        Bundle.Result result = Bundle.finish(bundle.start("run", QUESTION));
        assertThat(result.out()).isEqualTo(ANSWER);
        assertThat(result.complaint())
                .isEqualTo(
                        "bigllama: nothing came from standard input, so it is left out; - waits for"
                                + " it\n");
    }
}
