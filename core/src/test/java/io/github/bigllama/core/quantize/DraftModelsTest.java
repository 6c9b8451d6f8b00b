package io.github.bigllama.core.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.testing.DemoModel;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DraftModelsTest {
    private static final String CACHE = "bigllama.cache";

    @TempDir private Path cache;

    private String before;

    @BeforeEach
    void useAnotherCache() {
        before = System.setProperty(CACHE, cache.toString());
    }

    @AfterEach
    void useTheCacheAgain() {
        if (before == null) {
            System.clearProperty(CACHE);
        } else {
            System.setProperty(CACHE, before);
        }
    }

    private static Path copy(Quantization type) {
        return DraftModels.of(DemoModel.PATH, type, fraction -> {});
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(cache.resolve("drafts"))) {
            return files.toList();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 100, 2_000_000})
    void aDamagedCopyIsReplaced(long size) throws Exception {
        Path copy = copy(Quantization.Q8_0);
        long whole = Files.size(copy);
        try (FileChannel channel = FileChannel.open(copy, StandardOpenOption.WRITE)) {
            channel.truncate(size);
        }
        assertThat(copy(Quantization.Q8_0)).isEqualTo(copy).hasSize(whole);
        assertThat(files()).containsExactly(copy);
    }

    @Test
    void aCopyIsMadeOnce() throws Exception {
        List<Double> progress = new ArrayList<>();
        Path copy = DraftModels.of(DemoModel.PATH, Quantization.Q4_0, progress::add);
        assertThat(progress).isNotEmpty().endsWith(1.0);
        assertThat(Gguf.read(copy).tensors()).hasSameSizeAs(Gguf.read(DemoModel.PATH).tensors());
        assertThat(Files.size(copy)).isLessThan(Files.size(DemoModel.PATH));
        progress.clear();
        assertThat(DraftModels.of(DemoModel.PATH, Quantization.Q4_0, progress::add))
                .isEqualTo(copy);
        assertThat(progress).isEmpty();
        assertThat(files()).containsExactly(copy);
    }

    @Test
    void theLastOnesAreKept() throws Exception {
        Path first = copy(Quantization.Q8_0);
        Path second = copy(Quantization.Q4_0);
        Path third = copy(Quantization.Q5_0);
        Files.setLastModifiedTime(second, FileTime.fromMillis(1));
        assertThat(copy(Quantization.Q8_0)).isEqualTo(first);
        Path fourth = copy(Quantization.Q4_1);
        assertThat(files()).containsExactlyInAnyOrder(first, third, fourth);
    }

    @Test
    void oneThatWasCancelledLeavesNothing() throws Exception {
        assertThatThrownBy(
                        () ->
                                DraftModels.of(
                                        DemoModel.PATH,
                                        Quantization.Q4_0,
                                        fraction -> {
                                            throw new CancellationException();
                                        }))
                .isInstanceOf(CancellationException.class);
        assertThat(files()).isEmpty();
    }

    @Test
    void whatAKilledProcessHasLeftIsDeleted() throws Exception {
        Path folder = Files.createDirectories(cache.resolve("drafts"));
        Path left = Files.createFile(folder.resolve("making-1.gguf.part"));
        Files.setLastModifiedTime(left, FileTime.from(Instant.now().minus(Duration.ofDays(2))));
        Path inProgress = Files.createFile(folder.resolve("making-2.gguf.part"));
        assertThat(files()).contains(left);
        Path copy = copy(Quantization.Q8_0);
        assertThat(files()).containsExactlyInAnyOrder(copy, inProgress);
    }
}
