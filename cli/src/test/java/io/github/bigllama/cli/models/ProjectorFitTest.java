package io.github.bigllama.cli.models;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.core.gguf.GgufWriter;
import io.github.bigllama.core.gguf.ModelFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whether a projector was made for a model whose embeddings have 64 numbers. */
class ProjectorFitTest {
    @TempDir Path folder;

    private ProjectorFit fit;

    @BeforeEach
    void model() throws IOException {
        GgufWriter model = header("llama", "model").put("llama.embedding_length", number(64));
        model.addHole("token_embd.weight", GgmlType.F32, List.of(64L, 2L));
        fit = new ProjectorFit(ModelFiles.read(write(model, "model.gguf")));
    }

    private static GgufWriter header(String architecture, String type) {
        return new GgufWriter()
                .put("general.architecture", new GgufValue.Text(architecture))
                .put("general.type", new GgufValue.Text(type));
    }

    private static GgufValue number(long value) {
        return new GgufValue.Int(GgufValueType.UINT32, value);
    }

    private Path write(GgufWriter writer, String name) throws IOException {
        Path file = folder.resolve(name);
        writer.write(file, fraction -> true);
        return file;
    }

    private Path projector(String group, long length) throws IOException {
        return write(
                header("clip", "mmproj").put("clip." + group + ".projection_dim", number(length)),
                "mmproj.gguf");
    }

    @Test
    void theHeaderTellsTheLength() throws IOException {
        assertThat(fit.lack(projector("vision", 64))).isEmpty();
        assertThat(fit.lack(projector("audio", 64))).isEmpty();
        Path other = projector("vision", 2560);
        assertThat(fit.lack(other))
                .contains(
                        other
                                + " is for a model with embeddings of 2560 numbers, and this one has"
                                + " 64");
        assertThat(fit.lack(projector("audio", 2560))).isPresent();
        // Nothing is told.
        assertThat(fit.lack(projector("vision", 0))).isEmpty();
        assertThat(fit.lack(write(header("clip", "mmproj"), "mmproj.gguf"))).isEmpty();
    }

    /** As LLaVA's of old, which have the length of CLIP's embeddings in their header. */
    @Test
    void ofOldOnesTheTensorsDo() throws IOException {
        for (long length : new long[] {64, 128}) {
            GgufWriter old =
                    new GgufWriter()
                            .put("general.architecture", new GgufValue.Text("clip"))
                            .put("clip.vision.projection_dim", number(768));
            old.addHole("v.blk.0.ffn_up.weight", GgmlType.F32, List.of(32L, 64L));
            old.addHole("mm.0.weight", GgmlType.F32, List.of(64L, length));
            old.addHole("mm.0.bias", GgmlType.F32, List.of(length));
            assertThat(fit.lack(write(old, "mmproj.gguf")).isEmpty()).isEqualTo(length == 64);
        }
    }

    @Test
    void otherFilesAreNone() throws IOException {
        Path adapter = write(header("llama", "adapter"), "mmproj.gguf");
        assertThat(fit.lack(adapter)).get().asString().contains("is a LoRA adapter");
        Path text = Files.writeString(folder.resolve("mmproj.gguf"), "A text.");
        assertThat(fit.lack(text)).get().asString().contains(text.toString());
    }
}
