package io.github.bigllama.cli.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.cli.models.HuggingFace.Entry;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which file of a repository is meant. */
class ModelChoiceTest {
    private static Map<String, Entry> files(String... paths) {
        Map<String, Entry> files = new TreeMap<>();
        for (String path : paths) {
            files.put(path, new Entry(path, 1_000_000_000, Optional.empty()));
        }
        return files;
    }

    private static String choose(Map<String, Entry> files, String choice) {
        return ModelChoice.of("hf:o/r", files, choice).path();
    }

    @ParameterizedTest
    @CsvSource({
        "Q4_K_M, M-Q4_K_M.gguf",
        "q4_k_m, M-Q4_K_M.gguf",
        "M-Q4_K_M, M-Q4_K_M.gguf",
        "M-Q4_K_M.gguf, M-Q4_K_M.gguf",
        "UD-Q4_K_M, M-UD-Q4_K_M.gguf",
        "i1-Q4_K_M, M.i1-Q4_K_M.gguf",
        "mtp-M-Q4_K_M, mtp-M-Q4_K_M.gguf",
        "mmproj-F16.gguf, mmproj-F16.gguf",
        "M.imatrix.gguf, M.imatrix.gguf",
        "Q8_0, Q8_0/model.gguf",
        "Q6_K/model.gguf, Q6_K/model.gguf",
        "/Q6_K/model, Q6_K/model.gguf",
        "BF16, BF16/M-BF16-00001-of-00002.gguf",
        "M-BF16-00001-of-00002.gguf, BF16/M-BF16-00001-of-00002.gguf",
        "BF16/M-BF16, BF16/M-BF16-00001-of-00002.gguf",
        "F16, M-F16.GGUF"
    })
    void anExactNameOrQuantizationWins(String choice, String path) {
        assertThat(
                        choose(
                                files(
                                        "M-Q4_K_M.gguf",
                                        "M-UD-Q4_K_M.gguf",
                                        "M.i1-Q4_K_M.gguf",
                                        "mtp-M-Q4_K_M.gguf",
                                        "mmproj-F16.gguf",
                                        "M.imatrix.gguf",
                                        "Q8_0/model.gguf",
                                        "Q6_K/model.gguf",
                                        "M-F16.GGUF",
                                        "BF16/M-BF16-00001-of-00002.gguf",
                                        "BF16/M-BF16-00002-of-00002.gguf"),
                                choice))
                .isEqualTo(path);
    }

    @Test
    void theOnlyModelNeedsNoName() {
        ModelChoice only =
                ModelChoice.of(
                        "hf:o/r",
                        files("M-Q2_K.gguf", "mmproj-M.gguf", "imatrix_unsloth.gguf", "mtp-M.gguf"),
                        null);
        assertThat(only.path()).isEqualTo("M-Q2_K.gguf");
        assertThat(only.reason()).isEmpty();
    }

    @Test
    void ofManyTheUsualOneIsTakenAndThatIsSaid() {
        Map<String, Entry> files = files("M-Q4_K_M.gguf", "M-UD-Q4_K_M.gguf");
        for (int i = 0; i < 40; i++) {
            files.putAll(files(String.format(Locale.ROOT, "M-X%d-Q8_0.gguf", i)));
        }
        ModelChoice usual = ModelChoice.of("hf:o/r", files, null);
        assertThat(usual.path()).isEqualTo("M-Q4_K_M.gguf");
        assertThat(usual.reason())
                .contains(
                        "taking M-Q4_K_M (1.0 GB) of the 42 models of hf:o/r, because Q4_K_M is the"
                                + " usual choice; hf:o/r:NAME chooses another");
        assertThatThrownBy(() -> choose(files, "Q8_0"))
                .hasMessageContaining("hf:o/r has several models of Q8_0: choose one of M-X0-Q8_0")
                .hasMessageContaining(" and 20 more");
    }

    @Test
    void severalAreNotNone() {
        assertThatThrownBy(() -> choose(files("A-Q5_0.gguf", "B-Q5_0.gguf"), null))
                .hasMessage(
                        "hf:o/r has several models: choose one of A-Q5_0 (1.0 GB), B-Q5_0 (1.0 GB)");
        assertThatThrownBy(() -> choose(files("a/m.gguf", "b/m.gguf"), "m.gguf"))
                .hasMessage(
                        "hf:o/r has several models named m.gguf: choose one of a/m (1.0 GB), b/m"
                                + " (1.0 GB)");
        assertThat(choose(files("a/m.gguf", "b/m.gguf"), "b/m")).isEqualTo("b/m.gguf");
        assertThatThrownBy(() -> choose(files("M-Q4_K_M.gguf", "M-Fun-Q4_K_M.gguf"), "Q4_K_M"))
                .hasMessageContaining("has several models of Q4_K_M");
    }

    @Test
    void whatIsNoModel() {
        assertThatThrownBy(() -> choose(files("mmproj-F16.gguf", "imatrix.gguf"), null))
                .hasMessageContaining("has GGUF files, but not a model");
        assertThatThrownBy(() -> choose(files("model.safetensors"), null))
                .hasMessageContaining("has no GGUF file");
        assertThatThrownBy(() -> choose(files("M-Q8_0.gguf"), "Q4"))
                .hasMessageContaining("has no model of Q4: choose one of M-Q8_0");
    }

    @ParameterizedTest
    @CsvSource({
        "M-Q6_K.gguf.part1of2, Q6_K",
        "M-Q6_K.gguf.part1of2, M-Q6_K.gguf.part1of2",
        "M-Q6_K.gguf-split-a, Q6_K",
        "M-Q6_K.gguf.001, M-Q6_K.gguf"
    })
    void rawPiecesAreExplained(String piece, String choice) {
        assertThatThrownBy(() -> choose(files(piece, "M-Q2_K.gguf"), choice))
                .hasMessageContaining("hf:o/r: " + piece + " is a piece of a file that was cut up")
                .hasMessageContaining("> M-Q6_K.gguf");
        assertThatThrownBy(() -> choose(files(piece), null))
                .hasMessageContaining("is a piece of a file");
    }
}
