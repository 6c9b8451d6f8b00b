package io.github.bigllama.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MutationTest {
    private static final int COPIES = 500;

    @TempDir Path dir;

    /**
     * Either the copy passes or there is a typed error of one line; nothing else is ever thrown.
     */
    @Test
    void damagedCopiesPassOrAreRefusedWithOneLine() throws IOException {
        GgufMutator mutator = new GgufMutator(TestModels.DEMO);
        Path file = dir.resolve("copy.gguf");
        Map<GgufException.Problem, Integer> refused = new EnumMap<>(GgufException.Problem.class);
        int passed = 0;
        for (int seed = 0; seed < COPIES; seed++) {
            Files.write(file, mutator.copy(seed));
            try {
                ModelFiles files = ModelFiles.read(file);
                ModelCheck.check(files);
                ByteFallback.of(files).findImpossible("text", true);
                passed++;
            } catch (GgufException e) {
                assertThat(e.getMessage()).startsWith(file + ": ").doesNotContain("\n");
                refused.merge(e.problem(), 1, Integer::sum);
            }
        }
        assertThat(passed).isBetween(COPIES / 4, COPIES * 3 / 4);
        assertThat(refused)
                .containsKeys(
                        GgufException.Problem.NOT_GGUF,
                        GgufException.Problem.UNSUPPORTED_VERSION,
                        GgufException.Problem.TRUNCATED,
                        GgufException.Problem.DAMAGED,
                        GgufException.Problem.UNUSABLE);
    }

    @Test
    void theSameSeedGivesTheSameCopy() throws IOException {
        byte[] one = new GgufMutator(TestModels.DEMO).copy(42);
        assertThat(new GgufMutator(TestModels.DEMO).copy(42)).isEqualTo(one);
    }
}
