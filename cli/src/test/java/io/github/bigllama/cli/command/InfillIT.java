package io.github.bigllama.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.Bundle;
import io.github.bigllama.cli.Bundle.Result;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.core.gguf.GgufWriter;
import io.github.bigllama.core.gguf.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code --input-suffix}: a model fills the gap after the prompt. */
class InfillIT {
    @TempDir static Path folder;

    private static Path model;

    private final Bundle bundle = Bundle.built();

    /** The demo model with tokens for gaps: the letters x, y and z. */
    @BeforeAll
    static void write() throws IOException {
        Path demo = Bundle.built().demoModel();
        Gguf gguf = Gguf.read(demo);
        GgufWriter writer = new GgufWriter();
        gguf.metadata().asMap().forEach(writer::put);
        writer.put("tokenizer.ggml.fim_pre_token_id", id(token("x")));
        writer.put("tokenizer.ggml.fim_suf_token_id", id(token("y")));
        writer.put("tokenizer.ggml.fim_mid_token_id", id(token("z")));
        byte[] bytes = Files.readAllBytes(demo);
        for (TensorInfo tensor : gguf.tensors()) {
            int from = Math.toIntExact(gguf.dataOffset() + tensor.offset());
            writer.add(
                    tensor.name(),
                    tensor.type(),
                    tensor.shape(),
                    (t, out) -> out.write(bytes, from, (int) t.size()));
        }
        model = folder.resolve("fim.gguf");
        writer.write(model, fraction -> true);
    }

    private static GgufValue id(int token) {
        return new GgufValue.Int(GgufValueType.UINT32, token);
    }

    private static int token(String text) {
        return Integer.parseInt(
                Bundle.built().run("tokenize", "--no-special", "--ids", text).out().strip());
    }

    private Result run(String... arguments) {
        String[] all = new String[arguments.length + 6];
        String[] first = {"run", "--greedy", "-n", "12", "-m", model.toString()};
        System.arraycopy(first, 0, all, 0, first.length);
        System.arraycopy(arguments, 0, all, first.length, arguments.length);
        return bundle.run(all);
    }

    @Test
    void theGapIsBetweenThePromptAndTheSuffix() throws IOException {
        Result expected = run("--raw", "xHello,\nyworldz");
        assertThat(expected.exitCode()).isZero();
        assertThat(run("--input-suffix", "world", "Hello,\n")).isEqualTo(expected);
        Path before = Files.writeString(folder.resolve("before.txt"), "Hello,\n");
        Path after = Files.writeString(folder.resolve("after.txt"), "world");
        assertThat(run("--input-suffix-file", after.toString(), "--file", before.toString()))
                .isEqualTo(expected);
        assertThat(run("--input-suffix", "world", "--spm-infill", "Hello,\n"))
                .isEqualTo(run("--raw", "yworldxHello,\nz"))
                .isNotEqualTo(expected);
        assertThat(run("--input-suffix", "", "")).isEqualTo(run("--raw", "xyz"));
    }

    @Test
    void aModelThatCannotIsRefused() {
        Result result = bundle.run("run", "--input-suffix", "world", "Hello");
        assertThat(result.exitCode()).isEqualTo(2);
        assertThat(result.out()).isEmpty();
        assertThat(result.complaint())
                .isEqualTo(
                        "bigllama: the model can't fill a gap in a text: its vocabulary has no token"
                                + " for the prefix, the suffix, the middle; use a model that was"
                                + " trained to fill in the middle, as many for code are\n");
    }

    @Test
    void theSuffixIsReadBeforeAModelIsLoaded() {
        Result result =
                bundle.run("run", "-m", "none.gguf", "--input-suffix-file", "nowhere.txt", "Hello");
        // As with --file.
        assertThat(result.exitCode()).isEqualTo(1);
        assertThat(result.err()).isEqualTo("bigllama: cannot read nowhere.txt: no such file\n");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--spm-infill Hello",
                "--input-suffix a --input-suffix-file b Hello",
                "--input-suffix a --session s Hello",
                "--input-suffix a --system s Hello",
                "--input-suffix a --batch b"
            })
    void whatDoesNotFitTogether(String arguments) {
        Result result = run(arguments.split(" "));
        assertThat(result.exitCode()).isEqualTo(2);
        assertThat(result.complaint()).startsWith("bigllama: ").hasLineCount(1);
    }
}
