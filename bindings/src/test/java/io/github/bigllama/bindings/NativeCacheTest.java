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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The cache on file systems whose locks fail, or do nothing. */
class NativeCacheTest {
    private static final int JVMS = 4;
    private static final int ROUNDS = 20;
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

    enum Before {
        NOTHING,
        DAMAGED,
        HALF,
        A_FILE,
        A_LINK,
        A_FOLDER_IN_A_FILES_PLACE;

        /** Leaves something in the place of an entry. */
        void leave(Path entry) throws IOException {
            Files.createDirectories(entry.getParent());
            switch (this) {
                case NOTHING -> {}
                case DAMAGED -> {
                    Files.createDirectory(entry);
                    Files.write(entry.resolve("libone.so"), new byte[] {1});
                    Files.write(entry.resolve(NativeManifest.FILE_NAME), new byte[0]);
                }
                case HALF -> Files.createDirectory(entry);
                case A_FILE -> Files.createFile(entry);
                case A_LINK -> Files.createSymbolicLink(entry, Path.of("nowhere"));
                case A_FOLDER_IN_A_FILES_PLACE ->
                        Files.createDirectories(entry.resolve("libone.so").resolve("x"));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDamagedEntryIsReplacedWithoutLocks(Before before) throws Exception {
        Path root = folder.resolve("cache");
        before.leave(entry(root));
        NativeCache cache =
                new NativeCache(
                        root,
                        channel -> {
                            throw new IOException("No locks available");
                        });
        for (int i = 0; i < 2; i++) {
            cache.use(
                    NativeManifest.parse(manifest()),
                    manifest(),
                    name -> new ByteArrayInputStream(LIBRARY),
                    entry -> assertThat(entry.resolve("libone.so")).hasBinaryContent(LIBRARY));
        }
        try (Stream<Path> left = Files.list(root.resolve("natives"))) {
            assertThat(left).as("the entry and its lock").hasSize(2);
        }
    }

    private static Path entry(Path root) throws Exception {
        byte[] id = MessageDigest.getInstance("SHA-256").digest(manifest());
        return root.resolve("natives").resolve(HexFormat.of().formatHex(id));
    }

    /** All extract at the same time: each begins when every other has begun. */
    @ParameterizedTest
    @EnumSource(names = {"NOTHING", "DAMAGED", "HALF"})
    void locksThatDoNothing(Before before) throws Exception {
        for (int i = 0; i < ROUNDS; i++) {
            Path root = folder.resolve("cache" + i);
            before.leave(entry(root));
            extractTogether(root);
        }
    }

    private static void extractTogether(Path root) throws Exception {
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
