package io.github.bigllama.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.Bundle;
import io.github.bigllama.cli.Bundle.Result;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.core.gguf.GgufWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code bigllama run --image} and {@code /image} refuse before an image is decoded. */
class ImageIT {
    private final Bundle bundle = Bundle.built();

    @TempDir Path folder;

    private Result describe(String image, String... more) {
        String[] all = new String[more.length + 6];
        all[0] = "run";
        all[1] = "-m";
        all[2] = folder.resolve("demo.gguf").toString();
        all[3] = "--image";
        all[4] = image;
        System.arraycopy(more, 0, all, 5, more.length);
        all[all.length - 1] = "Describe it.";
        return bundle.run(all);
    }

    @Test
    void whatIsWrongIsSaidInALine() throws IOException {
        Path model = Files.copy(bundle.demoModel(), folder.resolve("demo.gguf"));
        String image = Files.writeString(folder.resolve("text.png"), "A text.\n").toString();
        refused(describe(image), "there is none beside", "--mmproj FILE");
        refused(describe(image, "--no-mmproj"), "--no-mmproj leaves it out");
        refused(describe(image, "--raw"), "--raw has no messages");
        refused(describe(image, "--session", "x"), "--session");
        refused(describe(image, "--mmproj", model.toString()), "not a projector");
        refused(describe(folder.resolve("none.png").toString()), "there is no file");
        refused(describe(folder.toString()), "is a directory");
        refused(describe(""), "--image", "the name of the file is empty");
        assertThat(describe("").exitCode()).isEqualTo(2);
        refused(describe(Files.createFile(folder.resolve("empty")).toString()), "is empty");
        Files.copy(model, folder.resolve("mmproj-demo.gguf"));
        refused(describe(image), "none that fits", "not a projector", "--mmproj FILE");
    }

    private static void refused(Result result, String... parts) {
        assertThat(result.exitCode()).as(result.err()).isNotZero();
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).contains(parts).hasLineCount(1);
    }

    /** A folder for all models may have the projector of one of them. */
    @Test
    void aProjectorOfAnotherModelIsLeftOut() throws IOException {
        Path model = Files.copy(bundle.demoModel(), folder.resolve("demo.gguf"));
        Path other = folder.resolve("other-mmproj.gguf");
        new GgufWriter()
                .put("general.architecture", new GgufValue.Text("clip"))
                .put("general.type", new GgufValue.Text("mmproj"))
                .put("clip.vision.projection_dim", new GgufValue.Int(GgufValueType.UINT32, 2560))
                .write(other, fraction -> true);
        Result chat =
                bundle.runWith(
                        "What is the capital of France?\n",
                        "chat",
                        "-m",
                        model.toString(),
                        "--temp",
                        "0");
        assertThat(chat.out()).contains("The capital of France is Paris.");
        assertThat(chat.err())
                .contains(
                        "no projector is used: "
                                + other
                                + " is for a model with embeddings of 2560 numbers, and this one"
                                + " has 256");
        Result named = bundle.run("chat", "-m", model.toString(), "--mmproj", other.toString());
        assertThat(named.exitCode()).isEqualTo(1);
        assertThat(named.err()).contains(other.toString()).hasLineCount(1);
    }

    @Test
    void aChatWithoutAProjectorGoesOn() {
        Result chat =
                bundle.runWith(
                        "/image none.png\n/image "
                                + bundle.demoModel()
                                + "\nWhat is the capital of France?\n",
                        "chat",
                        "--commands");
        assertThat(chat.out()).contains("The capital of France is Paris.");
        assertThat(chat.err()).contains("there is no file none.png", "there is no projector");
    }
}
