package io.github.bigllama.internal.pagecache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.bigllama.internal.pagecache.ParallelRead.Range;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ParallelDirectReadTest {
    private static final int SIZE = (5 << 20) + 1234;

    @TempDir Path folder;
    private Path path;

    @BeforeEach
    void write() throws IOException {
        path = folder.resolve("file");
        byte[] bytes = new byte[SIZE];
        new Random(1).nextBytes(bytes);
        Files.write(path, bytes);
        try {
            OwnPages.ofThisSystem().unit(path);
        } catch (IOException e) {
            assumeTrue(false, e.getMessage());
        }
    }

    /** Also those that begin and end within a block of the disk, or at the end of the file. */
    @Test
    void rangesOfAnyLengthAreRead() throws IOException {
        int length = 100_001;
        List<Range> ranges =
                IntStream.range(0, SIZE / length + 1)
                        .mapToObj(i -> new Range(i * length, Math.min(length, SIZE - i * length)))
                        .toList();
        AtomicLong read = new AtomicLong();
        try (ParallelDirectRead direct = new ParallelDirectRead(path)) {
            direct.run(
                    ranges,
                    bytes -> {
                        read.set(bytes);
                        return true;
                    });
        }
        assertThat(read).hasValue(SIZE);
    }

    @Test
    void aRangeBehindTheEndIsAnError() throws IOException {
        try (ParallelDirectRead direct = new ParallelDirectRead(path)) {
            List<Range> behind = List.of(new Range(0, 10), new Range(2 * SIZE, 1000));
            assertThatThrownBy(() -> direct.run(behind, bytes -> true))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("of " + path + " past the page cache");
        }
    }

    @Test
    void aFileThatDoesNotExistIsAnError() {
        assertThatThrownBy(() -> new ParallelDirectRead(folder.resolve("none")).close())
                .isInstanceOf(IOException.class)
                .isNotInstanceOf(NoSuchFileException.class)
                .hasMessageContaining("none");
    }
}
