package io.github.bigllama.cli.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The projector of a model. */
class ProjectorFileTest {
    @TempDir Path folder;

    @ParameterizedTest
    @CsvSource({
        "M-Q4_K_M.gguf, mmproj-Q8_0.gguf",
        "M-Q8_0.gguf, mmproj-Q8_0.gguf",
        "M-BF16.gguf, mmproj-BF16.gguf",
        "M-F32-00001-of-00002.gguf, mmproj-F32.gguf",
        "sub/M-F32.gguf, sub/M.mmproj-f16.gguf",
        "other/M-F32.gguf, mmproj-F32.gguf",
    })
    void isTheClosestInItsFolder(String model, String projector) {
        List<String> all =
                List.of(
                        "M-Q4_K_M.gguf",
                        "mmproj-BF16.gguf",
                        "mmproj-F32.gguf",
                        "mmproj-Q8_0.gguf",
                        "mmproj.txt",
                        "sub/M-F32.gguf",
                        "sub/M.mmproj-f16.gguf",
                        "deep/er/mmproj-Q4_0.gguf");
        assertThat(ProjectorFile.of(all, model)).contains(projector);
    }

    @Test
    void isFoundBesideAModel() throws IOException {
        Path model = Files.createFile(folder.resolve("m-q4_0.gguf"));
        assertThat(ProjectorFile.beside(model)).isEmpty();
        Path projector = Files.createFile(folder.resolve("mmproj-model-f16.gguf"));
        assertThat(ProjectorFile.beside(model)).containsExactly(projector);
        Path deep = Files.createDirectory(folder.resolve("deep")).resolve("m.gguf");
        assertThat(ProjectorFile.beside(deep)).isEmpty();
        Files.createFile(Origin.beside(deep));
        Files.createFile(Origin.beside(projector));
        assertThat(ProjectorFile.beside(deep)).containsExactly(projector);
    }
}
