package io.github.bigllama.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.segment.TextSegment;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.Reranker;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.option.RerankingOptions;
import io.github.bigllama.internal.synthetic.RandomModel;
import io.github.bigllama.internal.synthetic.RandomModel.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Scores by a random model, which are those of a {@link Reranker}. */
class BigllamaScoringModelTest {
    private static final RerankingOptions OPTIONS = RerankingOptions.defaults().withThreads(1);
    private static final String QUERY = "What is the capital of France?";
    private static final List<String> TEXTS =
            List.of("The capital of France is Paris.", "One, two, three.", "Llamas hum.");

    @TempDir private static Path folder;

    private static LlamaModel model;

    @BeforeAll
    static void load() throws IOException {
        Path file = folder.resolve("reranker.gguf");
        Gguf vocabulary = Gguf.read(Demo.MODEL.path());
        RandomModel.write(file, Shape.reranker(2_000_000), vocabulary, false, done -> true);
        model = LlamaModel.load(file);
    }

    @AfterAll
    static void close() {
        model.close();
    }

    @Test
    void scoresAreThoseOfTheReranker() {
        List<Double> expected;
        double alone;
        try (Reranker reranker = model.newReranker(OPTIONS)) {
            expected =
                    reranker.score(QUERY, TEXTS).stream().map(score -> (double) score[0]).toList();
            alone = reranker.score(QUERY, TEXTS.getLast())[0];
        }
        try (BigllamaScoringModel scoring = new BigllamaScoringModel(model, OPTIONS)) {
            List<TextSegment> segments = TEXTS.stream().map(TextSegment::from).toList();
            assertThat(scoring.scoreAll(segments, QUERY).content())
                    .isEqualTo(expected)
                    .doesNotHaveDuplicates();
            assertThat(scoring.score(TEXTS.getLast(), QUERY).content()).isEqualTo(alone);
            assertThat(scoring.scoreAll(List.of(), QUERY).content()).isEmpty();
        }
    }

    @Test
    void anotherModelIsRefused() {
        assertThatThrownBy(() -> new BigllamaScoringModel(Demo.MODEL, OPTIONS))
                .isInstanceOf(SessionException.class)
                .hasMessageContaining("is a language model");
    }
}
