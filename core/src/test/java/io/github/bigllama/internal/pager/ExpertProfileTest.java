package io.github.bigllama.internal.pager;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExpertProfileTest {
    private static final float[] SCORES = {1, 0, 3.5f, 1e-9f};

    @TempDir Path folder;

    private ExpertProfile profile(String model) {
        return new ExpertProfile(folder.resolve("experts"), model);
    }

    private Path file(String model) {
        return folder.resolve("experts").resolve(model + ".experts");
    }

    @Test
    void theNextProcessKnowsWhatThisOneWrote() throws IOException {
        assertThat(profile("a").read(4)).isEmpty();
        profile("a").write(new float[] {9, 9, 9, 9});
        profile("a").write(SCORES);
        assertThat(profile("a").read(4).orElseThrow()).containsExactly(SCORES);
        try (Stream<Path> files = Files.list(folder.resolve("experts"))) {
            assertThat(files).containsExactly(file("a"));
        }
    }

    @Test
    void whatIsOfAnotherModelIsIgnored() throws IOException {
        profile("a").write(SCORES);
        assertThat(profile("b").read(4)).isEmpty();
        assertThat(profile("a").read(5)).isEmpty();
        assertThat(profile("a").read(3)).isEmpty();
        Files.copy(file("a"), file("c"));
        assertThat(profile("c").read(4)).isEmpty();
    }

    /** Each byte of it. */
    @Test
    void whatIsDamagedIsIgnored() throws IOException {
        profile("a").write(SCORES);
        byte[] bytes = Files.readAllBytes(file("a"));
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] ^= 0x41;
            Files.write(file("a"), bytes);
            assertThat(profile("a").read(4)).as("byte " + i).isEmpty();
            bytes[i] ^= 0x41;
        }
        for (int length = 0; length < bytes.length; length++) {
            Files.write(file("a"), Arrays.copyOf(bytes, length));
            assertThat(profile("a").read(4)).isEmpty();
        }
        Files.write(file("a"), Arrays.copyOf(bytes, bytes.length + 1));
        assertThat(profile("a").read(4)).isEmpty();
        Files.delete(file("a"));
        Files.createDirectory(file("a"));
        assertThat(profile("a").read(4)).isEmpty();
        profile("a").write(SCORES);
    }

    @Test
    void scoresThatCanNotBeAreIgnored() {
        for (float wrong : new float[] {-1, Float.NaN, Float.POSITIVE_INFINITY}) {
            profile("a").write(new float[] {1, wrong});
            assertThat(profile("a").read(2)).isEmpty();
        }
    }

    @Test
    void withoutAFolderThatCanBeWrittenNothingIsKept() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        ExpertProfile nowhere = new ExpertProfile(file.resolve("experts"), "a");
        nowhere.write(SCORES);
        assertThat(nowhere.read(4)).isEmpty();
        assumeTrue(Files.isWritable(Path.of("/proc/self/comm")), "there is no /proc");
        new ExpertProfile(Path.of("/proc/self"), "a").write(SCORES);
    }

    @Test
    void theFolderDoesNotGrowForEver() throws IOException {
        for (int i = 0; i < 40; i++) {
            profile("m" + i).write(SCORES);
            Files.setLastModifiedTime(file("m" + i), FileTime.fromMillis(1_000_000L + i * 1000));
        }
        profile("last").write(SCORES);
        try (Stream<Path> files = Files.list(folder.resolve("experts"))) {
            assertThat(files.count()).isEqualTo(32);
        }
        assertThat(profile("last").read(4)).isPresent();
        assertThat(profile("m39").read(4)).isPresent();
        assertThat(profile("m0").read(4)).isEmpty();
    }
}
