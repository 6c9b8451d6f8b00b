package io.github.bigllama.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.Bundle.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Errors: one line on stderr, nothing on standard output, and an exit code that --help lists. */
class ErrorsIT {
    private final Bundle bundle = Bundle.built();

    @TempDir Path folder;

    private void assertFails(Result result, int exitCode, String... parts) {
        assertThat(result.complaint()).startsWith("bigllama: ").hasLineCount(1).contains(parts);
        assertThat(result.out()).isEmpty();
        assertThat(result.exitCode()).isEqualTo(exitCode);
    }

    @Test
    void aModelThatIsNotThere() {
        String file = folder.resolve("nothing.gguf").toString();
        assertFails(bundle.run("run", "-m", file, "Hi"), 1, file, "no such file");
    }

    /** picocli would forget the other options of its group. */
    @Test
    void anOptionThatIsGivenTwice() {
        assertFails(
                bundle.run("run", "--stop", "a", "-n", "3", "--predict", "4", "Hi"),
                2,
                "--max-tokens is given twice; see bigllama run --help");
        assertThat(bundle.run("run", "--stop", "a", "--stop", "Paris", "-n", "30", "Hi").exitCode())
                .isZero();
    }

    @Test
    void aFolder() {
        assertFails(bundle.run("run", "-m", folder.toString(), "Hi"), 1, "is a folder");
    }

    @Test
    void aFileThatIsNoModel() throws IOException {
        Path file = Files.writeString(folder.resolve("text.gguf"), "This is not a model.");
        assertFails(bundle.run("run", "-m", file.toString(), "Hi"), 1, "is not a GGUF file");
        assertFails(bundle.run("info", "-m", file.toString()), 1, "is not a GGUF file");
        assertFails(bundle.run("chat", "-m", file.toString()), 1, "is not a GGUF file");
        assertFails(bundle.run("tokenize", "-m", file.toString(), "a"), 1, "is not a GGUF file");
    }

    @Test
    void anEncoderDecoderModelIsRefusedByName() throws IOException {
        String file = folder.resolve("t5.gguf").toString();
        assertThat(bundle.run("random-model", "--shape", "t5", file).exitCode()).isZero();
        String text =
                Files.writeString(folder.resolve("text"), "Anything at all. ".repeat(99))
                        .toString();
        String kind = "is an encoder-decoder model, which turns one text into another";
        assertFails(
                bundle.run("run", "-m", file, "Hi"),
                1,
                "cannot write texts",
                kind,
                "see bigllama inspect");
        assertFails(
                bundle.run("chat", "-m", file),
                1,
                "cannot write texts",
                kind,
                "see bigllama inspect");
        assertFails(bundle.run("serve", "-m", file, "--port", "0"), 1, "cannot serve", kind);
        assertFails(bundle.run("embed", "-m", file, "Hi"), 1, "texts into vectors", kind);
        assertFails(bundle.run("plan", file), 1, "a forecast needs", kind);
        assertFails(
                bundle.run("perplexity", "-m", file, "-f", text),
                1,
                "cannot write texts",
                kind,
                "see bigllama inspect");
        assertThat(bundle.run("bench", "-m", file).err())
                .endsWith("see bigllama inspect\n")
                .contains(kind);
        assertThat(bundle.run("inspect", file).out())
                .contains("kind           an encoder-decoder model")
                .contains("8 heads, 8 key/value heads");
        assertThat(bundle.run("tokenize", "--ids", "-m", file, "Hi").out())
                .matches("\\d+( \\d+)*\n");
    }

    @Test
    void aModelThatIsCutShort() throws IOException {
        byte[] model = Files.readAllBytes(bundle.demoModel());
        Path file = folder.resolve("cut.gguf");
        Files.write(file, Arrays.copyOf(model, model.length / 2));
        assertFails(
                bundle.run("run", "-m", file.toString(), "Hi"), 1, file.toString(), "cut short");
    }

    @Test
    void aPromptThatDoesNotFit() {
        assertFails(
                bundle.run("run", "-c", "256", "word ".repeat(500)),
                1,
                "does not fit the context of 256 tokens");
    }

    @Test
    void aPromptThatIsNotThere() {
        assertFails(bundle.runWith("", "run"), 2, "the prompt is empty");
        assertFails(bundle.runWith(" \n", "run", "-"), 2, "the prompt is empty");
        String file = folder.resolve("nothing.txt").toString();
        assertFails(bundle.run("run", "-f", file), 1, file, "no such file");
        assertFails(bundle.run("run", "-f", file, "Hi"), 1, file, "no such file");
    }

    @Test
    void aPromptThatIsNoText() {
        assertFails(
                bundle.runWith(new byte[] {'a', 'b', (byte) 0xFF}, "run"),
                1,
                "standard input",
                "not UTF-8 text (byte 2 of 3)");
    }

    @Test
    void aNulIsNoSignOfUtf16() {
        assertFails(bundle.runWith(new byte[] {'a', 0, 'b'}, "run"), 2, "NUL character at index 1");
    }

    static Stream<Arguments> wrongArguments() {
        return Stream.of(
                Arguments.of("", "a command is missing; try run, chat, inspect or plan"),
                Arguments.of("answer me", "there is no command answer"),
                Arguments.of("run --frobnicate Hi", "Unknown option: '--frobnicate'"),
                Arguments.of("run --temp hot Hi", "'hot' is not a float"),
                Arguments.of("run --temp -1 Hi", "--temp is -1.0, must be 0.0 to 1000.0"),
                Arguments.of("run --top-k", "Missing required parameter"),
                Arguments.of("run -ctk q9 Hi", "'q9' is not one of f32, f16"),
                Arguments.of("run --device CUDA7 Hi", "there is no device CUDA7; there is CPU"),
                Arguments.of("run --override-kv a=b Hi", "must be int, float, bool or str"),
                Arguments.of("run --logit-bias 9999=1 Hi", "token 9999 is not in the vocabulary"),
                Arguments.of("run --direct-io --mlock Hi", "leave out one of them"),
                Arguments.of("run --raw --system X Hi", "leave out one of them"),
                Arguments.of("run --greedy --temp 1 Hi", "leave out one of them"),
                Arguments.of("chat -n -2", "--predict is -2"),
                Arguments.of("run -t -1 Hi", "--threads is -1, must be 0 to"),
                Arguments.of("run -b 0 Hi", "--batch-size is 0"),
                Arguments.of("run --repeat-last-n -1 Hi", "--repeat-last-n is -1"),
                Arguments.of("run -ctv q4_0 -fa off Hi", "needs flash attention (-fa)"),
                Arguments.of("chat Hi", "Hi"),
                Arguments.of("info Hi", "Hi"));
    }

    @ParameterizedTest
    @MethodSource("wrongArguments")
    void wrongArgumentsAreUsageErrors(String line, String message) {
        String[] args = line.isEmpty() ? new String[0] : line.split(" ");
        assertFails(bundle.run(args), 2, message);
    }

    @Test
    void whatLlamaCppSaysIsTheReason() {
        assertFails(
                bundle.run("run", "--override-kv", "tokenizer.ggml.pre=str:nosuch", "Hi"),
                1,
                "unknown pre-tokenizer type: 'nosuch'");
    }

    /** Of a vocabulary that has neither the characters of a text nor its bytes. */
    @Test
    void textThatHasNoTokens() {
        String[] unfit = {"--override-kv", "tokenizer.ggml.model=str:llama"};
        assertFails(
                bundle.run("tokenize", unfit[0], unfit[1], "hello 日"),
                2,
                "vocabulary has no token");
        assertFails(
                bundle.run("tokenize", unfit[0], "tokenizer.ggml.model=str:rwkv", "é"),
                1,
                "no token for that byte");
    }

    /** A number of tokens to look back at is no number of tokens to make room for. */
    @Test
    void hugeNumbersTakeNoMemory() {
        String most = Integer.toString(Integer.MAX_VALUE);
        Result result =
                bundle.run(
                        "run",
                        "--repeat-last-n",
                        most,
                        "--repeat-penalty",
                        "1.01",
                        "--dry-penalty-last-n",
                        most,
                        "--dry-multiplier",
                        "0.01",
                        "--stats",
                        "What is the capital of France?");
        assertThat(result.out()).isEqualTo("The capital of France is Paris.\n");
    }

    @Test
    void aTemplateThatIsNone() {
        assertFails(
                bundle.run("run", "--chat-template", "nonsense", "Hi"), 1, "nonsense", "chatml");
    }

    @Test
    void nativesThatAreNotThere() {
        Result result =
                Bundle.built().with("BIGLLAMA_LIBRARY_PATH", folder.toString()).run("run", "Hi");
        assertThat(result.exitCode()).isEqualTo(3);
        assertThat(result.out()).isEmpty();
        assertThat(result.complaint()).startsWith("bigllama: cannot load llama.cpp from " + folder);
    }

    @Test
    void verboseAddsTheTrace() {
        Result result = bundle.run("run", "-v", "-m", folder.toString(), "Hi");
        assertThat(result.err()).contains("is a folder").contains("\tat io.github.bigllama.");
        assertThat(result.exitCode()).isEqualTo(1);
    }
}
