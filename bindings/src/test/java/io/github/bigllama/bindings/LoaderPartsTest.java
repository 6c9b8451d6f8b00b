package io.github.bigllama.bindings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LoaderPartsTest {
    @TempDir private Path home;

    private static final String MANIFEST =
            """
            llama.cpp.version=v0.5.0
            llama.cpp.tree=fd57
            flavour=portable
            platform=linux-x86_64
            cpu.features=
            libraries=libggml-base.so, libllama.so
            backends=libggml-cpu-haswell.so
            sha256.libllama.so=ab
            """;

    @ParameterizedTest
    @CsvSource({
        "Linux, amd64, linux-x86_64",
        "Linux, aarch64, linux-aarch64",
        "Mac OS X, aarch64, macos-arm64",
        "Mac OS X, x86_64,",
        "Linux, riscv64,",
        "Windows 11, amd64,"
    })
    void platforms(String os, String arch, String expected) {
        assertThat(Platform.of(os, arch).map(Platform::id).orElse(null)).isEqualTo(expected);
    }

    @Test
    void manifest() throws IOException {
        NativeManifest manifest = NativeManifest.parse(MANIFEST.getBytes(UTF_8));
        assertThat(manifest.files())
                .containsExactly("libggml-base.so", "libllama.so", "libggml-cpu-haswell.so");
        assertThat(manifest.cpuFeatures()).isEmpty();
        assertThat(manifest.sha256("libllama.so")).isEqualTo("ab");
        assertThatThrownBy(() -> manifest.sha256("libggml-base.so"))
                .hasMessage("manifest.properties is damaged: it has no sha256.libggml-base.so");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../../evil.so",
                "/evil.so",
                "a/b.so",
                "..",
                "manifest.properties",
                ".hidden"
            })
    void fileNamesDoNotLeaveTheDirectory(String name) {
        String text = MANIFEST.replace("libraries=", "libraries=" + name + ",");
        assertThatThrownBy(() -> NativeManifest.parse(text.getBytes(UTF_8)))
                .hasMessage(
                        "manifest.properties is damaged: '" + name + "' is not a plain file name");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"llama.cpp.version", "llama.cpp.tree", "flavour", "platform", "libraries"})
    void whatAManifestNeeds(String name) {
        String text = MANIFEST.replaceAll("(?m)^" + name + "=.*", "");
        assertThatThrownBy(() -> NativeManifest.parse(text.getBytes(UTF_8)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("is damaged");
    }

    @Test
    void cpuFeatures() {
        assertThat(
                        CpuFeatures.fromCpuinfo(
                                List.of("processor\t: 0", "flags\t\t: fpu sse AVX2", "bugs\t: x")))
                .containsExactlyInAnyOrder("fpu", "sse", "avx2");
        // The second core lacks one.
        assertThat(
                        CpuFeatures.fromCpuinfo(
                                List.of("Features\t: fp asimd sve", "Features\t: fp asimd")))
                .containsExactlyInAnyOrder("fp", "asimd");
        assertThat(CpuFeatures.fromCpuinfo(List.of())).isEmpty();
        assertThat(
                        CpuFeatures.fromSysctl(
                                Stream.of(
                                        "hw.optional.arm.FEAT_DotProd: 1",
                                        "hw.optional.arm.FEAT_SME: 0",
                                        "hw.optional.arm.caps: 1")))
                .containsExactly("dotprod");
    }

    @Test
    void theCachesOfAUser() {
        assertThat(cache("Linux", Map.of())).isEqualTo(home + "/.cache/bigllama");
        assertThat(cache("Linux", Map.of("XDG_CACHE_HOME", "/x"))).isEqualTo("/x/bigllama");
        assertThat(cache("Linux", Map.of("XDG_CACHE_HOME", "relative")))
                .isEqualTo(home + "/.cache/bigllama");
        assertThat(cache("Mac OS X", Map.of("XDG_CACHE_HOME", "/x")))
                .isEqualTo(home + "/Library/Caches/bigllama");
        assertThat(cache("Linux", Map.of("BIGLLAMA_CACHE", "/c"))).isEqualTo("/c");
    }

    @Test
    void thePropertyWinsOverTheVariable() {
        Map<String, String> environment = Map.of("BIGLLAMA_LIBRARY_PATH", "/variable");
        assertThat(LoaderSettings.of(properties("Linux"), environment).override())
                .contains(Path.of("/variable"));
        Properties both = properties("Linux");
        both.setProperty("bigllama.library.path", "/property");
        assertThat(LoaderSettings.of(both, environment).override()).contains(Path.of("/property"));
        both.setProperty("bigllama.library.path", " ");
        assertThat(LoaderSettings.of(both, Map.of()).override()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"?", "", "MISSING", "relative"})
    void aUserWithoutAHomeHasAFolderForTemporaryFiles(String none) {
        Properties properties = properties("Linux");
        properties.setProperty("user.home", none.replace("MISSING", home + "/missing"));
        assertThat(LoaderSettings.of(properties, Map.of()).cache()).hasToString("/t/bigllama-ann");
        properties.setProperty("user.name", "?");
        assertThat(LoaderSettings.of(properties, Map.of()).cache()).hasToString("/t/bigllama-_");
        assertThat(LoaderSettings.of(properties, Map.of("XDG_CACHE_HOME", "/x")).cache())
                .hasToString("/x/bigllama");
    }

    private String cache(String os, Map<String, String> environment) {
        return LoaderSettings.of(properties(os), environment).cache().toString();
    }

    private Properties properties(String os) {
        Properties properties = new Properties();
        properties.setProperty("os.name", os);
        properties.setProperty("os.arch", "amd64");
        properties.setProperty("user.home", home.toString());
        properties.setProperty("user.name", "ann");
        properties.setProperty("java.io.tmpdir", "/t");
        return properties;
    }
}
