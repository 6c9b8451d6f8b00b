package io.github.bigllama.core.residency;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.testing.Models;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WeightsTest {
    @TempDir Path folder;

    @Test
    void aDenseModelIsUsedAsAWholeButForTheEmbedding() throws IOException {
        Path path = Models.dense(folder);
        Weights weights = Models.weights(path);
        assertThat(weights.layers()).isEqualTo(3);
        assertThat(weights.hasExperts()).isFalse();
        assertThat(weights.all())
                .filteredOn(w -> w.use() == Use.ROWS)
                .extracting(Weight::name)
                .containsExactly("token_embd.weight");
        assertThat(weights.activeSize())
                .isEqualTo(weights.size() - weights.all().getFirst().size());
        assertThat(weights.all().getLast().end()).isLessThanOrEqualTo(Files.size(path));
    }

    @Test
    void theOrderIsThatOfALayer() throws IOException {
        Weights weights = Models.weights(Models.experts(folder));
        assertThat(weights.all())
                .filteredOn(w -> w.layer() == 1)
                .extracting(Weight::role)
                .containsExactly(
                        "attn_norm.weight",
                        "attn_q.weight",
                        "attn_q_norm.weight",
                        "attn_k.weight",
                        "attn_k_norm.weight",
                        "attn_v.weight",
                        "attn_output.weight",
                        "ffn_norm.weight",
                        "ffn_gate_inp.weight",
                        "ffn_gate_exps.weight",
                        "ffn_up_exps.weight",
                        "ffn_down_exps.weight");
        assertThat(weights.all().getLast().name()).isEqualTo("output.weight");
        assertThat(weights.all().getLast().layer()).isEqualTo(Weight.AFTER_LAYERS);
    }

    @Test
    void ofExpertsATokenReadsTheOnesItIsRoutedTo() throws IOException {
        Weights weights = Models.weights(Models.scout(folder));
        long slice = 5120L * 8192 * 34 / 32;
        assertThat(weights.expertsUsed()).isEqualTo(1);
        assertThat(weights.all())
                .filteredOn(w -> w.use() == Use.EXPERTS)
                .hasSize(6)
                .allSatisfy(
                        w -> {
                            assertThat(w.slices()).isEqualTo(16);
                            assertThat(w.sliceSize()).isEqualTo(slice);
                        });
        assertThat(weights.activeSize() - weights.size(Use.EVERY_TOKEN)).isEqualTo(6 * slice);
        // The shared expert is not a routed one.
        assertThat(weights.all())
                .filteredOn(w -> w.role().equals("ffn_up_shexp.weight"))
                .extracting(Weight::use)
                .containsOnly(Use.EVERY_TOKEN);
    }

    @Test
    void anEmbeddingThatIsTheOutputTooIsUsedAsAWhole() {
        Path demo = Path.of(System.getProperty("bigllama.demo.model"));
        ModelFiles files = ModelFiles.read(demo);
        boolean tied = files.tensor("output.weight").isEmpty();
        Weight embedding =
                Weight.of(files.tensor("token_embd.weight").orElseThrow(), 0, 100, true, 1);
        assertThat(embedding.use()).isEqualTo(Use.EVERY_TOKEN);
        assertThat(embedding.layer()).isEqualTo(Weight.AFTER_LAYERS);
        Weight alone = Weight.of(files.tensor("token_embd.weight").orElseThrow(), 0, 100, false, 1);
        assertThat(alone.use()).isEqualTo(Use.ROWS);
        assertThat(Weights.of(files).all())
                .filteredOn(w -> w.name().equals("token_embd.weight"))
                .extracting(Weight::use)
                .isEqualTo(List.of(tied ? Use.EVERY_TOKEN : Use.ROWS));
    }
}
