package io.github.bigllama.bindings;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.commons.io.file.PathUtils;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The loader from outside: each test is a JVM or more, since a JVM can load only once. */
class NativeLibraryTest {
    private static final String NO_CPU_HAS = "cpu.features=no_cpu_has_this,nor_this";

    @TempDir private Path folder;

    private ChildJvm jvm() {
        return new ChildJvm().property("bigllama.cache", folder.resolve("cache"));
    }

    /** A JVM whose jar has no libraries for it, so that the next place is tried. */
    private ChildJvm jvmWithoutJar() throws IOException {
        Path overlay =
                Natives.hideManifest(folder.resolve("overlay"), Natives.manifestWith(NO_CPU_HAS));
        return jvm().classPathFirst(overlay);
    }

    @Test
    void thePinIsThatOfTheNativeModule() throws IOException {
        assertThat(Natives.manifest().version()).isEqualTo(NativeLibrary.PINNED_VERSION);
        assertThat(Natives.manifest().tree()).isEqualTo(NativeLibrary.PINNED_TREE);
    }

    @Test
    void theJarIsExtractedOncePrivately() throws Exception {
        String output = jvm().run();
        assertThat(output)
                .contains("origin JAR", "type q8_0", "version 0.5.0")
                .doesNotContain("devices 0");
        Path natives = folder.resolve("cache/natives");
        try (Stream<Path> files = Files.walk(natives)) {
            for (Path file : files.toList()) {
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                        .as(file.toString())
                        .isEqualTo(Files.isDirectory(file) ? "rwx------" : "rw-------");
            }
        }
        Path library = entry().resolve(Natives.manifest().libraries().getFirst());
        Object inode = Files.getAttribute(library, "unix:ino");
        assertThat(jvm().run()).isEqualTo(output);
        assertThat(Files.getAttribute(library, "unix:ino")).isEqualTo(inode);
    }

    @Test
    void theCacheFollowsTheEnvironment() throws Exception {
        assertThat(new ChildJvm().variable("XDG_CACHE_HOME", folder.resolve("xdg")).run())
                .contains("directory " + folder.resolve("xdg/bigllama/natives/"));
        assertThat(new ChildJvm().variable("BIGLLAMA_CACHE", folder.resolve("own")).run())
                .contains("directory " + folder.resolve("own/natives/"));
    }

    @Test
    void aDamagedEntryIsReplaced() throws Exception {
        jvm().run();
        String first = Natives.manifest().libraries().getFirst();
        Path library = entry().resolve(first);
        byte[] content = Files.readAllBytes(library);
        content[content.length / 2] ^= 1;
        Files.write(library, content);
        // What a JVM leaves that is killed while it extracts.
        Path left = Files.createDirectory(Path.of(entry() + ".new123"));
        Files.writeString(left.resolve(first), "half");
        Files.setLastModifiedTime(left, FileTime.from(Instant.now().minus(Duration.ofHours(2))));
        assertThat(jvm().run()).contains("origin JAR");
        assertThat(library).hasBinaryContent(Natives.bytes(first));

        Files.delete(library);
        assertThat(jvm().run()).contains("origin JAR");
        assertThat(library).hasBinaryContent(Natives.bytes(first));
        try (Stream<Path> files = Files.list(folder.resolve("cache/natives"))) {
            assertThat(files).hasSize(2);
        }
    }

    @Test
    void jvmsThatStartAtOnceShareOneEntry() throws Exception {
        for (boolean damaged : new boolean[] {false, true}) {
            if (damaged) {
                Files.writeString(
                        entry().resolve(Natives.manifest().libraries().getLast()), "damaged");
            }
            List<Process> processes = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                processes.add(jvm().start("wait"));
            }
            for (Process process : processes) {
                assertThat(process.inputReader().readLine()).isEqualTo("ready");
            }
            for (Process process : processes) {
                process.getOutputStream().close();
            }
            for (Process process : processes) {
                try (Stream<String> output = process.inputReader().lines()) {
                    assertThat(output).contains("origin JAR", "type q8_0");
                }
                assertThat(process.waitFor()).isZero();
            }
            try (Stream<Path> files = Files.list(folder.resolve("cache/natives"))) {
                assertThat(files).hasSize(2);
            }
        }
    }

    @Test
    void aDamagedJarIsRefused() throws Exception {
        String file = Natives.manifest().libraries().getFirst();
        Path overlay =
                Natives.hideManifest(
                        folder.resolve("overlay"),
                        Natives.manifestWith("sha256." + file + "=" + "0".repeat(64)));
        assertThat(jvm().classPathFirst(overlay).run())
                .startsWith(
                        "FAILED cannot load llama.cpp for "
                                + Platform.describe()
                                + ": "
                                + file
                                + " is damaged: its SHA-256 is ")
                .contains("again true");
        try (Stream<Path> files = Files.list(folder.resolve("cache/natives"))) {
            assertThat(files).hasSize(1);
        }
    }

    @Test
    void missingCpuFeaturesAreRefusedBeforeLoading() throws Exception {
        assertThat(jvmWithoutJar().run())
                .startsWith(
                        "FAILED cannot load llama.cpp for "
                                + Platform.describe()
                                + ": its libraries (flavour ")
                .contains(") need CPU features that this CPU lacks: no_cpu_has_this, nor_this\n")
                .contains("Use the portable flavour of bigllama-native");
        assertThat(folder.resolve("cache")).doesNotExist();
    }

    @Test
    void whereEverythingFailsEveryPlaceIsNamed() throws Exception {
        Path empty = Files.createDirectory(folder.resolve("empty"));
        Path broken = Files.createDirectory(folder.resolve("broken"));
        String name = System.mapLibraryName("bigllama-llama");
        Files.writeString(broken.resolve(name), "no library");
        assertThat(jvmWithoutJar().property("java.library.path", empty + ":" + broken).run())
                .contains(
                        "\n  - the native jar (cache: "
                                + folder.resolve("cache/natives")
                                + "): its libraries")
                .contains("\n  - the system: no " + name + " in " + empty + ", ")
                .contains("/usr/local/lib")
                .contains("\n  - the system's " + broken.resolve(name) + ": ");
    }

    @Test
    void anUnknownPlatformIsSaid() throws Exception {
        assertThat(jvm().property("os.arch", "riscv64").property("os.name", "Linux").run())
                .startsWith(
                        "FAILED cannot load llama.cpp for linux-riscv64: linux-riscv64 is not a supported platform;"
                                + " bigllama has libraries for linux-x86_64, linux-aarch64, macos-arm64\n")
                .contains("bigllama.library.path", "BIGLLAMA_LIBRARY_PATH");
    }

    @Test
    void theDependencyOfAPlatformThatNoJarHasIsNamed() throws Exception {
        String other = Platform.describe().equals("linux-aarch64") ? "amd64" : "aarch64";
        String platform = other.equals("amd64") ? "linux-x86_64" : "linux-aarch64";
        assertThat(jvm().property("os.name", "Linux").property("os.arch", other).run())
                .contains("no jar has io/github/bigllama/natives/" + platform + "/")
                .contains("io.github.bigllama:bigllama-native with the classifier " + platform);
    }

    @Test
    void anUnusableCacheIsSaid() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "");
        assertThat(new ChildJvm().property("bigllama.cache", file).run())
                .startsWith("FAILED cannot load llama.cpp")
                .contains(file.toString())
                .contains("bigllama.cache");
    }

    @Test
    void anOverrideNeedsNoManifest() throws Exception {
        Path plain = Natives.copyTo(folder.resolve("plain"));
        assertThat(jvm().property("bigllama.library.path", plain).run())
                .contains("origin OVERRIDE", "directory " + plain, "type q8_0", "flavour=unknown")
                .doesNotContain("devices 0");
        assertThat(folder.resolve("cache")).doesNotExist();
    }

    /**
     * The dynamic linker takes another libllama that is in the process for one of the same name.
     */
    @Test
    void theLibrariesHaveNamesOfTheirOwn() throws Exception {
        assertThat(Natives.manifest().libraries())
                .hasSizeGreaterThan(3)
                .allSatisfy(name -> assertThat(name).startsWith("libbigllama"));
    }

    @Test
    void llamaCppFromElsewhereIsRefused() throws Exception {
        Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
        Files.createFile(elsewhere.resolve(System.mapLibraryName("llama")));
        assertThat(jvm().property("bigllama.library.path", elsewhere).run())
                .contains("FAILED cannot load llama.cpp from " + elsewhere)
                .contains(
                        "it has %s but not %s, which bigllama needs"
                                .formatted(
                                        System.mapLibraryName("llama"),
                                        System.mapLibraryName("bigllama")));
    }

    @Test
    void anOverridesManifestIsHonoured() throws Exception {
        Path own = Natives.copyTo(folder.resolve("own"));
        Path manifest = own.resolve(NativeManifest.FILE_NAME);
        Files.writeString(manifest, Natives.manifestWith("flavour=special"));
        assertThat(jvm().variable("BIGLLAMA_LIBRARY_PATH", own).run())
                .contains("origin OVERRIDE", "flavour=special");

        Files.writeString(manifest, Natives.manifestWith(NO_CPU_HAS));
        assertThat(jvm().variable("BIGLLAMA_LIBRARY_PATH", own).run())
                .startsWith(
                        "FAILED cannot load llama.cpp from "
                                + own
                                + ", given by the environment variable BIGLLAMA_LIBRARY_PATH: ")
                .contains("lacks: no_cpu_has_this, nor_this\n");

        Files.writeString(manifest, Natives.manifestWith("llama.cpp.version=v0.4.9"));
        assertThat(jvm().property("bigllama.library.path", own).run())
                .contains("it is llama.cpp v0.4.9", "these bindings need v0.5.0");
    }

    @Test
    void anOverrideThatFailsHidesNothing() throws Exception {
        Path empty = Files.createDirectory(folder.resolve("empty"));
        String property = ", given by the system property bigllama.library.path: ";
        assertThat(jvm().property("bigllama.library.path", empty).run())
                .startsWith(
                        "FAILED cannot load llama.cpp from "
                                + empty
                                + property
                                + "it has neither manifest.properties nor ")
                .contains("again true");
        Path absent = folder.resolve("absent");
        assertThat(jvm().property("bigllama.library.path", absent).run())
                .startsWith(
                        "FAILED cannot load llama.cpp from "
                                + absent
                                + property
                                + "no such directory\n");

        Path bad = Natives.copyTo(folder.resolve("bad"));
        Files.writeString(bad.resolve(System.mapLibraryName("bigllama-llama")), "no library");
        assertThat(jvm().property("bigllama.library.path", bad).run())
                .contains("FAILED cannot load llama.cpp from " + bad + property)
                .contains(System.mapLibraryName("bigllama-llama"));
    }

    @Test
    @DisabledOnOs(value = OS.MAC, disabledReason = "a changed library has no valid signature")
    void aSystemLibraryIsTakenOnlyIfItIsThePinnedRelease() throws Exception {
        Path system = Natives.copyTo(folder.resolve("system"));
        Path library = system.resolve(System.mapLibraryName("bigllama-llama"));
        Natives.setRelease(library, "0.4.9");
        assertThat(jvmWithoutJar().property("java.library.path", system).run())
                .startsWith("FAILED ")
                .contains(
                        "the system's "
                                + library
                                + ": it is llama.cpp 0.4.9, these bindings need 0.5.0");

        PathUtils.deleteDirectory(system);
        Natives.copyTo(system);
        Natives.setRelease(library, "0.5.0");
        assertThat(jvmWithoutJar().property("java.library.path", system).run())
                .contains("origin SYSTEM", "directory " + system, "type q8_0")
                .doesNotContain("devices 0");
    }

    @Test
    void deniedNativeAccessIsExplained() throws Exception {
        assertThat(jvm().withoutNativeAccess().run())
                .startsWith("FAILED cannot load llama.cpp")
                .contains("--enable-native-access=ALL-UNNAMED")
                .contains(
                        "--enable-native-access=io.github.bigllama.core,io.github.bigllama.bindings");
    }

    private Path entry() throws IOException {
        try (Stream<Path> entries = Files.list(folder.resolve("cache/natives"))) {
            return entries.filter(
                            file -> Files.isDirectory(file) && !file.toString().contains(".new"))
                    .findAny()
                    .orElseThrow();
        }
    }
}
