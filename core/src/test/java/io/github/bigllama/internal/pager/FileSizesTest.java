package io.github.bigllama.internal.pager;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.testing.Models;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileSizesTest {
    @TempDir Path folder;

    @Test
    void aFileThatIsCutShortIsAnError() throws IOException {
        Path path = Models.experts(folder);
        try (FileSizes sizes = new FileSizes(Models.weights(path))) {
            sizes.require();
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                file.setLength(file.length() - 100);
            }
            assertThatThrownBy(sizes::require)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(path.toString())
                    .hasMessageContaining("has become shorter");
        }
    }

    @Test
    void aFileThatIsReplacedIsStillThere() throws IOException {
        Path path = Models.experts(folder);
        try (FileSizes sizes = new FileSizes(Models.weights(path))) {
            Path other = Files.writeString(folder.resolve("other"), "short");
            Files.move(other, path, StandardCopyOption.REPLACE_EXISTING);
            sizes.require();
        }
    }
}
