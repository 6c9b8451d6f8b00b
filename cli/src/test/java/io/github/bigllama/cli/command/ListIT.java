package io.github.bigllama.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.Bundle;
import io.github.bigllama.cli.Bundle.Result;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.GgufWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code bigllama list} says what each file is. */
class ListIT {
    @TempDir Path folder;

    private void file(String name, String type, String architecture) throws IOException {
        new GgufWriter()
                .put("general.type", new GgufValue.Text(type))
                .put("general.architecture", new GgufValue.Text(architecture))
                .write(folder.resolve(name), fraction -> true);
    }

    @Test
    void kindsOfFiles() throws IOException {
        Bundle bundle = Bundle.built().with("BIGLLAMA_MODELS", folder.toString());
        Path model = Files.copy(bundle.demoModel(), folder.resolve("a.gguf"));
        file("b.gguf", "adapter", "llama");
        file("c-mmproj.gguf", "mmproj", "clip");
        file("d.gguf", "imatrix", "llama");
        file("e.gguf", "model", "controlvector");
        file("f.gguf", "model", "llama");
        file("g.gguf", "model", "t5");
        Files.write(folder.resolve("h.gguf"), Arrays.copyOf(Files.readAllBytes(model), 100_000));
        Files.writeString(folder.resolve("i.gguf"), "no model");
        Files.createFile(folder.resolve("j-00001-of-00002.gguf"));
        Result list = bundle.run("list");
        assertThat(list.exitCode()).isZero();
        assertThat(list.err()).isEmpty();
        assertThat(
                        list.out()
                                .lines()
                                .map(line -> line.replaceFirst(".*\\d{4}-\\d\\d-\\d\\d *", "")))
                .containsExactly(
                        "",
                        "LoRA adapter",
                        "projector (mmproj)",
                        "importance matrix",
                        "control vector",
                        "vocabulary without weights",
                        "encoder-decoder model",
                        "cannot be read; bigllama inspect says why",
                        "cannot be read; bigllama inspect says why",
                        "part 2 of 2 is missing");
    }
}
