package io.github.bigllama.cli.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.cli.network.PullException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is in the folder, however it came there. */
class ModelsFolderTest {
    @TempDir Path folder;

    private Path file(String path) throws IOException {
        Path file = folder.resolve(path);
        Files.createDirectories(file.getParent());
        return Files.write(file, new byte[7]);
    }

    private String listed() throws IOException {
        StringBuilder text = new StringBuilder();
        for (ModelsFolder.Model model : new ModelsFolder(folder).list()) {
            text.append(model.name())
                    .append(model.lack().map(lack -> " (" + lack + ")").orElse(""))
                    .append("\n");
        }
        return text.toString();
    }

    @Test
    void partsThatAreMissing() throws IOException {
        file("o/r/m-00001-of-00003.gguf");
        file("o/r/m-00003-of-00003.gguf");
        file("o/r/n-00001-of-00002.gguf");
        file("o/r/n-00002-of-00002.gguf.part");
        file("o/r/p.gguf.part");
        file("o/r/whole-00001-of-00002.gguf");
        file("o/r/whole-00002-of-00002.gguf");
        assertThat(listed())
                .isEqualTo(
                        """
                        o/r/m (part 2 of 3 is missing)
                        o/r/n (part 2 of 2 is incomplete)
                        o/r/p (incomplete)
                        o/r/whole
                        """);
    }

    @Test
    void symbolicLinks() throws IOException {
        Path elsewhere = Files.createDirectories(folder.resolve("elsewhere"));
        Path real = Files.createDirectories(folder.resolve("real"));
        Files.write(elsewhere.resolve("x.gguf"), new byte[3]);
        Files.createSymbolicLink(real.resolve("owner"), elsewhere);
        Files.createSymbolicLink(real.resolve("loop"), real);
        Files.createSymbolicLink(real.resolve("lost.gguf"), Path.of("/nowhere/x.gguf"));
        Files.createSymbolicLink(real.resolve("dangling"), Path.of("/nowhere"));
        Path link = Files.createSymbolicLink(folder.resolve("link"), real);
        ModelsFolder models = new ModelsFolder(link);
        assertThat(models.list())
                .extracting(ModelsFolder.Model::name)
                .containsExactly("lost", "owner/x");
        assertThat(models.find("lost").orElseThrow().lack())
                .contains("its symbolic link points to a missing file");
        models.delete(models.find("lost").orElseThrow());
        models.delete(models.find("owner/x").orElseThrow());
        assertThat(models.list()).isEmpty();
        // Where the models were is not the program's to delete.
        assertThat(elsewhere).isDirectory();
        assertThat(real.resolve("owner")).isDirectory();
    }

    @Test
    void aFolderThatIsNone() throws IOException {
        Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("/nowhere"));
        assertThatThrownBy(() -> new ModelsFolder(link).list())
                .isInstanceOf(PullException.class)
                .hasMessageContaining(
                        "is a symbolic link to something that is missing or not a " + "folder");
        assertThatThrownBy(() -> new ModelsFolder(file("f")).list())
                .isInstanceOf(PullException.class)
                .hasMessageContaining("is a file");
        assertThat(new ModelsFolder(folder.resolve("none")).list()).isEmpty();
    }

    @Test
    void whatMayNotBeReadIsLeftOut() throws IOException {
        file("o/r/m.gguf");
        Path lost = Files.createDirectories(folder.resolve("lost+found"));
        Files.setPosixFilePermissions(lost, PosixFilePermissions.fromString("---------"));
        try {
            assertThat(listed()).isEqualTo("o/r/m\n");
        } finally {
            Files.setPosixFilePermissions(lost, PosixFilePermissions.fromString("rwx------"));
        }
    }

    @Test
    void whatTheEnvironmentNames() {
        Properties properties = new Properties();
        properties.setProperty("user.home", "/home/me");
        properties.setProperty("os.name", "Linux");
        assertThat(ModelsFolder.of(properties, Map.of("BIGLLAMA_MODELS", "~/models")).path())
                .isEqualTo(Path.of("/home/me/models"));
        assertThat(ModelsFolder.of(properties, Map.of("BIGLLAMA_MODELS", "~")).path())
                .isEqualTo(Path.of("/home/me"));
        assertThat(ModelsFolder.of(properties, Map.of("BIGLLAMA_MODELS", "/data")).path())
                .isEqualTo(Path.of("/data"));
        Properties unknown = new Properties();
        unknown.putAll(Map.of("user.home", "?", "os.name", "Linux"));
        assertThat(ModelsFolder.of(unknown, Map.of("XDG_DATA_HOME", "/data")).path())
                .isEqualTo(Path.of("/data/bigllama/models"));
        assertThatThrownBy(() -> ModelsFolder.of(unknown, Map.of()))
                .hasMessage(
                        "this user has no home folder where models could be: set the environment "
                                + "variable BIGLLAMA_MODELS to a folder for them, or HOME");
        assertThat(ModelsFolder.of(properties, Map.of()).path())
                .isEqualTo(Path.of("/home/me/.local/share/bigllama/models"));
    }
}
