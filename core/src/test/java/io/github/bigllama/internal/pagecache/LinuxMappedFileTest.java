package io.github.bigllama.internal.pagecache;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LinuxMappedFileTest {
    /** As the kernel's can_do_mincore. */
    @ParameterizedTest
    @CsvSource({
        "true, 0, 1000, true",
        "false, 1000, 1000, true",
        "false, 1000, 0, true",
        "false, 0, 1000, false",
        "false, 1001, 1000, false"
    })
    void ofWhoseFilesTheSystemTells(boolean writable, int owner, int user, boolean tells) {
        assertThat(LinuxMappedFile.tells(writable, owner, user)).isEqualTo(tells);
    }
}
