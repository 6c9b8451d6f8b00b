package io.github.bigllama.bindings;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The cache on file systems whose locks fail, or do nothing. */
class NativeCacheTest {
    private static final int JVMS = 4;
    private static final byte[] LIBRARY = "a library".getBytes(StandardCharsets.UTF_8);

    @TempDir private Path folder;

    private static byte[] manifest() throws Exception {
        String digest =
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(LIBRARY));
        return """
                llama.cpp.version=v0.5.0
                llama.cpp.tree=fd57
                flavour=portable
                platform=linux-x86_64
                cpu.features=
                libraries=libone.so
                backends=
                sha256.libone.so=%s
                """
                .formatted(digest)
                .getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void aFileSystemWithoutLocks() throws Exception {
        NativeCache cache =
                new NativeCache(
                        folder.resolve("cache"),
                        channel -> {
                            throw new IOException("No locks available");
                        });
        List<Path> used = new ArrayList<>();
        cache.use(
                NativeManifest.parse(manifest()),
                manifest(),
                name -> new ByteArrayInputStream(LIBRARY),
                used::add);
        assertThat(used).hasSize(1);
        assertThat(used.getFirst().resolve("libone.so")).hasBinaryContent(LIBRARY);
    }

    /** All extract at the same time: each begins when every other has begun. */
    @Test
    void locksThatDoNothing() throws Exception {
        Path root = folder.resolve("cache");
        CyclicBarrier together = new CyclicBarrier(JVMS);
        List<Future<?>> running = new ArrayList<>();
        try (ExecutorService executor = Executors.newFixedThreadPool(JVMS)) {
            for (int i = 0; i < JVMS; i++) {
                running.add(
                        executor.submit(
                                () -> {
                                    new NativeCache(root, channel -> {})
                                            .use(
                                                    NativeManifest.parse(manifest()),
                                                    manifest(),
                                                    name -> {
                                                        await(together);
                                                        return new ByteArrayInputStream(LIBRARY);
                                                    },
                                                    entry ->
                                                            assertThat(entry.resolve("libone.so"))
                                                                    .hasBinaryContent(LIBRARY));
                                    return null;
                                }));
            }
            for (Future<?> each : running) {
                each.get();
            }
        }
        try (Stream<Path> left = Files.list(root.resolve("natives"))) {
            assertThat(left).as("the entry and its lock").hasSize(2);
        }
    }

    @Test
    void whereEverybodyMayWriteTheFolderIsTheUsersOwn() throws Exception {
        Path shared = Files.createDirectory(folder.resolve("shared"));
        Files.setPosixFilePermissions(shared, PosixFilePermissions.fromString("rwxrwxrwx"));
        Path root = shared.resolve("bigllama-ann");
        new NativeCache(root)
                .use(
                        NativeManifest.parse(manifest()),
                        manifest(),
                        name -> new ByteArrayInputStream(LIBRARY),
                        entry -> {});
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(root)))
                .isEqualTo("rwx------");
    }

    private static void await(CyclicBarrier together) {
        try {
            together.await();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
