package io.github.bigllama.internal.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.LoadMode;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.AvailableRam;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.internal.pagecache.OwnPages;
import io.github.bigllama.testing.Models;
import io.github.bigllama.testing.Originals;
import io.github.bigllama.testing.SmallRam;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelMirrorTest {
    @TempDir Path folder;

    private Path model;
    private Path mirror;

    @BeforeEach
    void write() throws IOException {
        model = Models.tied(folder);
        mirror = Files.copy(model, folder.resolve("mirror.gguf"));
        try {
            OwnPages.ofThisSystem().unit(model);
        } catch (IOException e) {
            assumeTrue(false, e.getMessage());
        }
    }

    private void isRefused(Path file, String why) {
        for (ModelOptions options :
                new ModelOptions[] {
                    ModelOptions.defaults(),
                    ModelOptions.defaults().withRam(AvailableRam.anonymousBytes() + (90L << 20))
                }) {
            assertThatThrownBy(() -> LlamaModel.load(model, options.withMirror(file)))
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining(file.toString())
                    .hasMessageContaining("can't be the mirror")
                    .hasMessageContaining(why);
        }
    }

    @Test
    void theAnswerIsTheSameWithAMirror() throws IOException {
        model = Models.dense(folder);
        answersAlikeWith(Files.copy(model, folder.resolve("dense-mirror.gguf")));
    }

    @Test
    void eachPartOfASplitModelHasItsMirror() throws IOException {
        Path whole = Models.dense(folder);
        model = folder.resolve("dense-00001-of-00002.gguf");
        Path second = folder.resolve("dense-00002-of-00002.gguf");
        Originals.split(whole, model, second);
        Files.delete(whole);
        Path disk = Files.createDirectory(folder.resolve("disk"));
        Path mirrored = disk.resolve(second.getFileName());
        Files.copy(second, mirrored);
        answersAlikeWith(Files.copy(model, disk.resolve(model.getFileName())));
        try (RandomAccessFile file = new RandomAccessFile(mirrored.toFile(), "rw")) {
            file.setLength(file.length() - 1);
        }
        isRefused(disk.resolve(model.getFileName()), second.getFileName().toString());
        Files.delete(mirrored);
        isRefused(disk.resolve(model.getFileName()), second.getFileName().toString());
    }

    private void answersAlikeWith(Path copy) throws IOException {
        int[] expected;
        try (LlamaModel plain = LlamaModel.load(model)) {
            expected = generate(plain);
        }
        long size = Models.weights(model).size();
        long ram = SmallRam.forWeights(size * 4 / 10);
        ModelOptions options = ModelOptions.defaults().withRam(ram).withMirror(copy);
        try (LlamaModel mirrored = LlamaModel.load(model, options)) {
            assertThat(mirrored.residency()).isPresent();
            assertThat(generate(mirrored)).isEqualTo(expected);
        }
    }

    private static int[] generate(LlamaModel model) {
        SessionOptions options = SessionOptions.defaults().withContextSize(256).withThreads(2, 2);
        try (LlamaSession session = model.newSession(options);
                TokenStream answer =
                        session.generate(
                                new int[] {300, 301, 302},
                                GenerationOptions.greedy().withMaxTokens(12))) {
            answer.text();
            return answer.tokens();
        }
    }

    @Test
    void aFileThatIsNotThereIsRefused() {
        isRefused(folder.resolve("none.gguf"), "none.gguf");
    }

    @Test
    void theModelItselfIsRefused() throws IOException {
        isRefused(model, "the same file");
        isRefused(Files.createSymbolicLink(folder.resolve("link.gguf"), model), "the same file");
    }

    @Test
    void aFileOfAnotherSizeIsRefused() throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(mirror.toFile(), "rw")) {
            file.setLength(file.length() + 1);
        }
        isRefused(mirror, "bytes, but");
    }

    @Test
    void aFileWithOtherWeightsIsRefused() throws IOException {
        Weight weight = Models.weights(mirror).all().get(2);
        try (RandomAccessFile file = new RandomAccessFile(mirror.toFile(), "rw")) {
            file.seek(weight.offset() + weight.size() / 2);
            file.write(file.read() + 1);
        }
        isRefused(mirror, "its contents differ");
    }

    @Test
    void whatIsNoModelIsRefused() throws IOException {
        isRefused(Files.writeString(folder.resolve("text.gguf"), "not a model"), "text.gguf");
    }

    @Test
    void aMirrorIsOnlyForAModeThatReads() {
        assertThatThrownBy(
                        () ->
                                ModelOptions.defaults()
                                        .withMirror(mirror)
                                        .withLoadMode(LoadMode.MMAP))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("mirror");
    }
}
