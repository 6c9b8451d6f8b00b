package io.github.bigllama.cli.option;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.cli.process.CommandException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a command writes to. */
class NewFileTest {
    @TempDir Path folder;

    @Test
    void onlyFilesAreReplaced() throws IOException {
        NewFile forced = new NewFile();
        forced.force = true;
        // Stands for a device, of which a test can't make one.
        Path special = folder.resolve("special");
        try (ServerSocketChannel socket = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            socket.bind(UnixDomainSocketAddress.of(special));
            assertThatThrownBy(() -> forced.write(special, progress -> Files.delete(special)))
                    .isInstanceOf(CommandException.class)
                    .hasMessageContaining("special is a pipe or a device");
            assertThat(special).exists();
        }
        Path file = Files.createFile(folder.resolve("file"));
        forced.check(file);
        assertThatThrownBy(() -> new NewFile().check(file)).hasMessageContaining("--force");
    }
}
