package io.github.bigllama.cli.chat;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class HistoryFileTest {
    private static final Path HOME = Path.of("/home/greta");

    @Test
    void followsTheConventionsOfTheSystem() {
        assertThat(HistoryFile.path("Linux", HOME, null))
                .isEqualTo(Path.of("/home/greta/.local/state/bigllama/history"));
        assertThat(HistoryFile.path("Linux", HOME, "/state"))
                .isEqualTo(Path.of("/state/bigllama/history"));
        assertThat(HistoryFile.path("Mac OS X", HOME, "/state"))
                .isEqualTo(Path.of("/home/greta/Library/Application Support/bigllama/history"));
    }

    @Test
    void ignoresAStateDirectoryThatIsNotAbsolute() {
        assertThat(HistoryFile.path("Linux", HOME, "state"))
                .isEqualTo(HistoryFile.path("Linux", HOME, null));
        assertThat(HistoryFile.path("Linux", HOME, ""))
                .isEqualTo(HistoryFile.path("Linux", HOME, null));
    }
}
