package io.github.bigllama.core.gguf;

import static io.github.bigllama.testing.TestModels.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.testing.RawGguf;
import io.github.bigllama.testing.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelFilesTest {
    private static final int PARTS = 3;

    @TempDir Path dir;

    private RawGguf part(int number) {
        RawGguf writer = new RawGguf();
        if (number == 0) {
            writer.text("general.architecture", "llama");
        }
        return writer.put("split.no", new GgufValue.Int(GgufValueType.UINT16, number))
                .put("split.count", new GgufValue.Int(GgufValueType.UINT16, PARTS))
                .put("split.tensors.count", new GgufValue.Int(GgufValueType.INT32, PARTS))
                .tensor("tensor" + number, GgmlType.F32, 64L);
    }

    private Path path(int number) {
        return dir.resolve(
                String.format(Locale.ROOT, "my.model-%05d-of-%05d.gguf", number + 1, PARTS));
    }

    @BeforeEach
    void writeParts() throws IOException {
        for (int i = 0; i < PARTS; i++) {
            part(i).write(path(i));
        }
    }

    @Test
    void aSingleFileIsOnePart() {
        ModelFiles files = ModelFiles.read(TestModels.DEMO);

        assertThat(files.parts()).hasSize(1);
        assertThat(files.tensors()).hasSize(38);
        assertThat(files.metadata()).isSameAs(files.first().metadata());
    }

    @Test
    void readsAllParts() throws IOException {
        ModelFiles files = ModelFiles.read(path(0));

        assertThat(files.parts())
                .extracting(part -> part.path().orElseThrow())
                .containsExactly(path(0), path(1), path(2));
        assertThat(files.tensors())
                .extracting(TensorInfo::name)
                .containsExactly("tensor0", "tensor1", "tensor2");
        assertThat(files.tensor("tensor2")).isPresent();
        assertThat(files.fileSize())
                .isEqualTo(Files.size(path(0)) + Files.size(path(1)) + Files.size(path(2)));
    }

    @Test
    void aMissingPartIsNamed() throws IOException {
        Files.delete(path(1));
        GgufException one =
                assertRefused(
                        Problem.SPLIT,
                        () -> ModelFiles.read(path(0)),
                        "my.model-00002-of-00003.gguf: is missing",
                        "first of 3 files");
        assertThat(one.file()).isEqualTo(path(1).toString());

        Files.delete(path(2));
        assertRefused(Problem.SPLIT, () -> ModelFiles.read(path(0)), "2 of the others");
    }

    @Test
    void aLaterPartNamesTheFirst() throws IOException {
        assertRefused(
                Problem.SPLIT,
                () -> ModelFiles.read(path(1)),
                "is part 2 of a model in 3 files",
                "open the first, 'my.model-00001-of-00003.gguf'");
        Files.delete(path(0));
        assertRefused(Problem.SPLIT, () -> ModelFiles.read(path(2)), "part 3", "missing here");
    }

    @Test
    void aRenamedPart() throws IOException {
        Path renamed = Files.move(path(0), dir.resolve("renamed.gguf"));
        assertRefused(
                Problem.SPLIT, () -> ModelFiles.read(renamed), "'-00001-of-00003.gguf'", "name");
    }

    @Test
    void partsThatAreMixedUp() throws IOException {
        part(1).write(path(2));
        assertRefused(Problem.SPLIT, () -> ModelFiles.read(path(0)), "it is part 2", "says part 3");

        part(2).tensor("tensor1", GgmlType.F32, 64L).write(path(2));
        assertRefused(Problem.SPLIT, () -> ModelFiles.read(path(0)), "'tensor1'", "00002-of");

        part(2).tensor("tensor3", GgmlType.F32, 64L).write(path(2));
        assertRefused(
                Problem.SPLIT, () -> ModelFiles.read(path(0)), "hold 4 tensors", "count is 3");
    }

    @Test
    void aPartWithoutItsNumberOrWithOneOfAnotherType() throws IOException {
        part(1).remove("split.no").write(path(1));
        assertRefused(Problem.SPLIT, () -> ModelFiles.read(path(0)), "no split.no");

        part(1).u32("split.no", 1).write(path(1));
        assertRefused(Problem.SPLIT, () -> ModelFiles.read(path(0)), "split.no is u32 1", "a u16");
    }

    @Test
    void aDamagedPartIsNamed() throws IOException {
        byte[] bytes = part(2).bytes();
        Files.write(path(2), Arrays.copyOf(bytes, bytes.length - 1));
        GgufException e =
                assertRefused(
                        Problem.TRUNCATED, () -> ModelFiles.read(path(0)), "cut short by 1 bytes");
        assertThat(e.file()).isEqualTo(path(2).toString());
    }
}
