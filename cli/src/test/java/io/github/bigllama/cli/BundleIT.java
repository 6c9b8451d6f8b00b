package io.github.bigllama.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.Bundle.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The bundle as a whole: it stands alone, can be moved, and explains itself. */
class BundleIT {
    private static final Result ANSWER = new Result(0, "The capital of France is Paris.\n", "");
    private static final long MAX_BYTES = 120_000_000;

    /** Of the kernels for each generation of CPUs, which libraries of the portable flavour have. */
    private static final long MAX_KERNEL_BYTES = 20_000_000;

    private final Bundle bundle = Bundle.built();

    @TempDir Path folder;

    private static Result ask(Bundle bundle) {
        return bundle.run(
                "run",
                "-m",
                bundle.demoModel().toString(),
                "--greedy",
                "What is the capital of France?");
    }

    private Path archive() {
        return bundle.directory().resolveSibling(bundle.directory().getFileName() + ".tar.gz");
    }

    /** Unpacks the archive into a folder that a careless script would not find its way in. */
    private Bundle unpacked() {
        Path place = folder.resolve("an other place");
        Result made =
                bundle.runProgram(
                        Path.of("/bin/sh"),
                        new byte[0],
                        "-c",
                        "mkdir '" + place + "' && tar -xzf '" + archive() + "' -C '" + place + "'");
        assertThat(made).isEqualTo(new Result(0, "", ""));
        return new Bundle(place.resolve(bundle.directory().getFileName()));
    }

    @Test
    void theArchiveWorksElsewhereAndStillStartsFromItsCache() {
        Bundle moved = unpacked();
        Path log = folder.resolve("classes.log");
        moved.with("BIGLLAMA_JAVA_OPTIONS", "-Xlog:class+load:file=" + log);
        assertThat(ask(moved)).isEqualTo(ANSWER);
        assertThat(log)
                .content()
                .contains("io.github.bigllama.cli.Main source: shared objects file");
    }

    @Test
    void withoutItsCacheItSaysNothing() throws IOException {
        Bundle moved = unpacked();
        Path cache = moved.directory().resolve("lib/bigllama.aot");
        Files.write(cache, new byte[] {1, 2, 3});
        assertThat(ask(moved)).as("cache damaged").isEqualTo(ANSWER);
        Files.delete(cache);
        assertThat(ask(moved)).as("cache gone").isEqualTo(ANSWER);
    }

    @Test
    void canBeLinkedTo() throws IOException {
        Path link = Files.createSymbolicLink(folder.resolve("first"), bundle.command());
        Path second = Files.createSymbolicLink(folder.resolve("second"), Path.of("first"));
        assertThat(link).isSymbolicLink();
        assertThat(bundle.runProgram(second, new byte[0], "run", "Draw a llama.").out())
                .isEqualTo("🦙\n");
    }

    @Test
    void needsNoJavaAndHeedsNoneOfItsVariables() {
        Bundle bare =
                Bundle.built()
                        .with("PATH", "/usr/bin:/bin")
                        .with("JAVA_HOME", "/nowhere")
                        .with("JAVA_TOOL_OPTIONS", "-Dsome=thing")
                        .with("JDK_JAVA_OPTIONS", "-Dsome=thing")
                        .with("CLASSPATH", "/nowhere");
        assertThat(ask(bare)).isEqualTo(ANSWER);
    }

    @ParameterizedTest
    @ValueSource(strings = {"C", "POSIX", "de_DE.ISO-8859-1", "xx_YY.UTF-8"})
    void speaksUtf8InEveryLocale(String locale) {
        Bundle foreign = Bundle.built().with("LC_ALL", locale).with("LANG", locale);
        assertThat(foreign.run("run", "What is the capital of Iceland?").out())
                .isEqualTo("The capital of Iceland is Reykjavík.\n");
        assertThat(foreign.run("tokenize", "--ids", "í🦙").out())
                .isEqualTo(foreign.runWith("í🦙", "tokenize", "--ids").out());
    }

    @Test
    void isNotLargerThanPromised() throws IOException {
        try (Stream<Path> files = Files.walk(bundle.directory())) {
            Map<Boolean, Long> bytes =
                    files.filter(Files::isRegularFile)
                            .collect(
                                    Collectors.partitioningBy(
                                            BundleIT::isKernels,
                                            Collectors.summingLong(
                                                    file -> file.toFile().length())));
            assertThat(bytes.get(true)).isBetween(1L, MAX_KERNEL_BYTES);
            assertThat(bytes.get(false)).isLessThan(MAX_BYTES);
        }
    }

    private static boolean isKernels(Path file) {
        return file.getFileName().toString().contains("ggml-cpu");
    }

    @Test
    void theArchiveIsInOrderAndOwnedByNobody() {
        Result list =
                bundle.runProgram(
                        Path.of("/bin/sh"), new byte[0], "-c", "tar -tzf '" + archive() + "'");
        List<String> names = list.out().lines().map(name -> name.replaceAll("/$", "")).toList();
        assertThat(names).isSorted();
        assertThat(names)
                .contains(bundle.directory().getFileName() + "/LICENSE")
                .contains(bundle.directory().getFileName() + "/LICENSE-llama.cpp")
                .contains(bundle.directory().getFileName() + "/lib/natives/manifest.properties");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "run ", "chat ", "tokenize ", "info ", "generate-completion "})
    void everyCommandHasHelpAndAVersion(String command) {
        Result help = bundle.run((command + "--help").split(" "));
        assertThat(help.exitCode()).isZero();
        assertThat(help.err()).isEmpty();
        assertThat(help.out())
                .startsWith(("Usage: bigllama " + command).strip())
                .contains("Exit codes:", "130");
        Result version = bundle.run((command + "--version").split(" "));
        assertThat(version.out()).matches("bigllama \\d+\\.\\d+.*\n");
        assertThat(version.exitCode()).isZero();
    }

    @Test
    void helpIsACommandToo() {
        assertThat(bundle.run("help", "run").out()).isEqualTo(bundle.run("run", "--help").out());
        assertThat(bundle.run("help").out()).isEqualTo(bundle.run("--help").out());
    }

    @Test
    void theCompletionScriptIsOne() throws IOException {
        Result script = bundle.run("generate-completion");
        assertThat(script.out()).contains("--gpu-layers", "--override-kv", "iq4_nl");
        Path file = Files.writeString(folder.resolve("completion"), script.out());
        Result checked =
                bundle.runProgram(Path.of("/bin/bash"), new byte[0], "-n", file.toString());
        assertThat(checked).isEqualTo(new Result(0, "", ""));
    }

    @Test
    void infoSaysWhatItIsMadeOf() {
        Result info = bundle.run("info");
        assertThat(info.exitCode()).isZero();
        assertThat(info.err()).isEmpty();
        assertThat(info.out())
                .containsPattern("(?m)^bigllama +\\d+\\.\\d+")
                .containsPattern("(?m)^Java +\\d\\d")
                .containsPattern("(?m)^llama\\.cpp +0\\.5\\.0")
                .containsPattern("(?m)^natives +override, (local|portable), .*/lib/natives$")
                .containsPattern("(?m)^device +CPU \\(.+\\), \\d+\\.\\d GB of \\d+\\.\\d GB free$")
                .containsPattern("(?m)^threads +[1-9]\\d*$")
                .doesNotContain("layers");
    }

    @Test
    void infoAboutAModel() {
        Result info = bundle.run("info", "--model", bundle.demoModel().toString());
        assertThat(info.err()).isEmpty();
        assertThat(info.out())
                .containsPattern("(?m)^kind +llama .*Q8_0$")
                .containsPattern("(?m)^size +3\\.6 MB$")
                .containsPattern("(?m)^parameters +3\\.41 M$")
                .containsPattern("(?m)^layers +4$")
                .containsPattern("(?m)^context +1024 tokens$")
                .containsPattern("(?m)^vocabulary +1024 tokens$")
                .containsPattern("(?m)^template +the model's own$");
    }

    @Test
    void tokenizeShowsIdsAndPieces() {
        Result all = bundle.run("tokenize", "k🦙<|im_end|>");
        assertThat(all.out())
                .isEqualTo(
                        """
                            107  'k'
                            655  '\\xF0\\x9F'
                            166  '\\xA6'
                            153  '\\x99'
                           1023  <|im_end|>
                        """);
        assertThat(bundle.run("tokenize", "--ids", "k<|im_end|>").out()).isEqualTo("107 1023\n");
        assertThat(bundle.run("tokenize", "--ids", "--no-special", "k<|im_end|>").out())
                .startsWith("107 ")
                .doesNotContain("1023");
        assertThat(bundle.runWith("k", "tokenize", "--ids").out()).isEqualTo("107\n");
    }
}
