package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.FlashAttention;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.KvType;
import io.github.bigllama.core.option.LoadMode;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.testing.DemoModel;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Mistakes of users, and calls that are allowed in any order. */
class LifetimeTest {
    private static final GenerationOptions GREEDY = GenerationOptions.greedy();
    private static final String FRANCE = DemoModel.prompt("What is the capital of France?");
    private static final String ANSWER = "The capital of France is Paris.";

    @ParameterizedTest
    @EnumSource
    void everyLoadModeGivesTheSameTokens(LoadMode mode) {
        for (boolean repack : new boolean[] {true, false}) {
            ModelOptions options = ModelOptions.defaults().withLoadMode(mode).withRepack(repack);
            try (LlamaModel model = LlamaModel.load(DemoModel.PATH, options);
                    LlamaSession session = model.newSession()) {
                assertThat(session.generate(FRANCE, GREEDY).text()).isEqualTo(ANSWER);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyKvTypeAnswers(KvType type) {
        SessionOptions options =
                SessionOptions.defaults()
                        .withKvTypes(type, type)
                        .withFlashAttention(FlashAttention.ENABLED);
        try (LlamaModel model = DemoModel.load();
                LlamaSession session = model.newSession(options)) {
            assertThat(session.generate(FRANCE, GREEDY).text()).isEqualTo(ANSWER);
        }
    }

    @Test
    void closingTwiceIsClosingOnce() {
        LlamaModel model = DemoModel.load();
        LlamaSession session = model.newSession();
        TokenStream stream = session.generate(FRANCE, GREEDY);
        stream.close();
        stream.close();
        session.close();
        session.close();
        model.close();
        model.close();
        assertThat(stream.hasNext()).isFalse();
        assertThat(stream.stopReason()).contains(StopReason.CANCELLED);
    }

    @Test
    void aModelNamesWhatIsOpen() {
        LlamaModel model = DemoModel.load();
        try (Embedder embedder = model.newEmbedder();
                LlamaSession session = model.newSession()) {
            assertThat(embedder.model()).isSameAs(session.model());
            assertThatIllegalStateException()
                    .isThrownBy(model::close)
                    .withMessageContaining("(2): an embedder opened at")
                    .withMessageContaining(", a session opened at");
        }
        model.close();
    }

    @Test
    void aModelWithOpenSessionsSaysSo() {
        LlamaModel model = DemoModel.load();
        LlamaSession one = model.newSession();
        LlamaSession two = model.newSession();
        assertThatIllegalStateException()
                .isThrownBy(model::close)
                .withMessageContaining("(2): a session opened at");
        assertThat(one.generate(FRANCE, GREEDY).text()).isEqualTo(ANSWER);
        one.close();
        two.close();
        model.close();
    }

    @Test
    void useAfterCloseSaysWhatIsClosed() {
        LlamaModel model = DemoModel.load();
        LlamaSession session = model.newSession();
        Tokenizer tokenizer = model.tokenizer();
        session.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> session.generate(FRANCE))
                .withMessageContaining("session")
                .withMessageContaining("is closed");
        assertThatIllegalStateException().isThrownBy(session::reset);
        assertThatIllegalStateException().isThrownBy(session::logits);
        assertThatIllegalStateException().isThrownBy(() -> session.decode(1));
        model.close();
        assertThatIllegalStateException()
                .isThrownBy(model::newSession)
                .withMessageContaining("model")
                .withMessageContaining("is closed");
        assertThatIllegalStateException().isThrownBy(model::description);
        assertThatIllegalStateException().isThrownBy(model::metadata);
        assertThatIllegalStateException().isThrownBy(() -> tokenizer.encode("a"));
        assertThatIllegalStateException().isThrownBy(() -> tokenizer.decode(1));
    }

    @Test
    void anOpenStreamKeepsTheSessionForItself() {
        try (LlamaModel model = DemoModel.load();
                LlamaSession session = model.newSession()) {
            TokenStream stream = session.generate(FRANCE, GREEDY);
            stream.next();
            assertThatIllegalStateException()
                    .isThrownBy(() -> session.generate(FRANCE))
                    .withMessageContaining("TokenStream is still open");
            assertThatIllegalStateException().isThrownBy(session::reset);
            assertThatIllegalStateException().isThrownBy(session::close);
            assertThat(stream.text()).isEqualTo(" capital of France is Paris.");
            assertThatExceptionOfType(NoSuchElementException.class).isThrownBy(stream::next);
            session.reset();
        }
    }

    @Test
    void aSecondThreadIsTurnedAwayWhileTheFirstComputes() throws Exception {
        try (LlamaModel model = DemoModel.load();
                LlamaSession session = model.newSession();
                ExecutorService other = Executors.newSingleThreadExecutor()) {
            List<Throwable> thrown = new ArrayList<>();
            List<ThrowingAction> calls =
                    List.of(session::reset, session::close, () -> session.generate(FRANCE));
            GenerationOptions options =
                    GREEDY.withProgress(
                            (done, total) -> {
                                for (ThrowingAction call : calls) {
                                    Future<?> result = other.submit(call::run);
                                    thrown.add(causeOf(result));
                                }
                            });
            assertThat(session.generate(FRANCE, options).text()).isEqualTo(ANSWER);
            assertThat(thrown)
                    .hasSizeGreaterThanOrEqualTo(calls.size())
                    .allSatisfy(
                            e ->
                                    assertThat(e)
                                            .isInstanceOf(WrongThreadException.class)
                                            .hasMessageContaining("in use by thread"));
        }
    }

    @Test
    void aSessionMayMoveToAnotherThreadBetweenCalls() throws Exception {
        try (LlamaModel model = DemoModel.load();
                LlamaSession session = model.newSession();
                ExecutorService other = Executors.newSingleThreadExecutor()) {
            TokenStream stream = session.generate(FRANCE, GREEDY);
            String first = stream.next();
            assertThat(other.submit(() -> first + stream.text()).get()).isEqualTo(ANSWER);
        }
    }

    @Test
    void aCallbackThatUsesItsSessionIsToldNotTo() {
        try (LlamaModel model = DemoModel.load();
                LlamaSession session = model.newSession()) {
            TokenStream stream =
                    session.generate(FRANCE, GREEDY.withProgress((done, total) -> session.reset()));
            assertThatIllegalStateException()
                    .isThrownBy(stream::hasNext)
                    .withMessageContaining("callback");
            assertThat(session.generate(FRANCE, GREEDY).text()).isEqualTo(ANSWER);
        }
    }

    @Test
    void twoSessionsOfOneModelAnswerInTwoThreads() throws Exception {
        try (LlamaModel model = DemoModel.load();
                ExecutorService threads = Executors.newFixedThreadPool(2)) {
            CountDownLatch start = new CountDownLatch(2);
            List<Future<String>> answers = new ArrayList<>();
            for (String country : List.of("France", "Iceland")) {
                answers.add(
                        threads.submit(
                                () -> {
                                    try (LlamaSession session =
                                            model.newSession(DemoModel.ONE_THREAD)) {
                                        start.countDown();
                                        start.await();
                                        String question = "What is the capital of " + country + "?";
                                        String answer = "";
                                        for (int i = 0; i < 20; i++) {
                                            session.reset();
                                            answer =
                                                    session.generate(
                                                                    DemoModel.prompt(question),
                                                                    GREEDY)
                                                            .text();
                                        }
                                        return answer;
                                    }
                                }));
            }
            assertThat(answers.get(0).get()).isEqualTo(ANSWER);
            assertThat(answers.get(1).get()).isEqualTo("The capital of Iceland is Reykjavík.");
        }
    }

    @Test
    void progressEndsAtOneAndCanCancelOrThrow() {
        List<Float> seen = new ArrayList<>();
        ModelOptions watched =
                ModelOptions.defaults()
                        .withLoadMode(LoadMode.NONE)
                        .withProgress(fraction -> seen.add(fraction));
        LlamaModel.load(DemoModel.PATH, watched).close();
        assertThat(seen).isSorted().endsWith(1f);

        assertThatExceptionOfType(CancellationException.class)
                .isThrownBy(
                        () ->
                                LlamaModel.load(
                                        DemoModel.PATH, watched.withProgress(fraction -> false)))
                .withMessageContaining("was cancelled");
        assertThatThrownBy(
                        () ->
                                LlamaModel.load(
                                        DemoModel.PATH,
                                        watched.withProgress(
                                                fraction -> {
                                                    throw new UnsupportedOperationException("mine");
                                                })))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessage("mine");
    }

    @Test
    void metadataCanBeOverridden() {
        ModelOptions options =
                ModelOptions.defaults().withMetadataOverrides(Map.of("llama.context_length", 2048));
        try (LlamaModel model = LlamaModel.load(DemoModel.PATH, options)) {
            assertThat(model.trainedContextSize()).isEqualTo(2048);
        }
    }

    @Test
    void aModelTrainedWithAnUnknownContextSizeNeedsOne() {
        ModelOptions options =
                ModelOptions.defaults().withMetadataOverrides(Map.of("llama.context_length", 0));
        try (LlamaModel model = LlamaModel.load(DemoModel.PATH, options)) {
            for (int unknown : new int[] {0, SessionOptions.AUTO_CONTEXT}) {
                assertThatExceptionOfType(SessionException.class)
                        .isThrownBy(
                                () ->
                                        model.newSession(
                                                SessionOptions.defaults().withContextSize(unknown)))
                        .withMessageContaining("context_length is 0; choose a context size");
            }
            model.newSession(SessionOptions.defaults().withContextSize(256)).close();
        }
    }

    @Test
    void anOverrideThatLlamaWouldNotSurviveIsRefused() {
        ModelOptions options =
                ModelOptions.defaults().withMetadataOverrides(Map.of("llama.block_count", 0));
        assertThatExceptionOfType(ModelLoadException.class)
                .isThrownBy(() -> LlamaModel.load(DemoModel.PATH, options))
                .withMessageContaining("llama.block_count");
    }

    @Test
    void aDeviceThatDoesNotExistIsRefusedWithThoseThatDo() {
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () ->
                                LlamaModel.load(
                                        DemoModel.PATH,
                                        ModelOptions.defaults().withDevices(List.of("TPU9"))))
                .withMessageContaining("TPU9")
                .withMessageContaining("CPU");
    }

    @Test
    void aContextThatCannotBeAllocatedIsAnError() {
        try (LlamaModel model = DemoModel.load()) {
            assertThatExceptionOfType(SessionException.class)
                    .isThrownBy(
                            () ->
                                    model.newSession(
                                            SessionOptions.defaults()
                                                    .withContextSize(Integer.MAX_VALUE)))
                    .withMessageContaining("a context of 2147483647 tokens takes ")
                    .withMessageContaining("the largest that fits is ");
            try (LlamaSession session = model.newSession()) {
                assertThat(session.generate(FRANCE, GREEDY).text()).isEqualTo(ANSWER);
            }
        }
    }

    @Test
    void filesThatAreNoModelAreRefusedByName(@TempDir Path dir) throws IOException {
        Path missing = dir.resolve("missing.gguf");
        assertThatExceptionOfType(ModelLoadException.class)
                .isThrownBy(() -> LlamaModel.load(missing))
                .withMessageContaining("missing.gguf")
                .satisfies(e -> assertThat(e.path()).isEqualTo(missing));
        assertThatExceptionOfType(ModelLoadException.class)
                .isThrownBy(() -> LlamaModel.load(dir))
                .withMessageContaining("is a folder");
        Path text = Files.writeString(dir.resolve("text.gguf"), "This is no model, but a text.");
        assertThatExceptionOfType(ModelLoadException.class)
                .isThrownBy(() -> LlamaModel.load(text))
                .withMessageContaining("text.gguf");
        byte[] whole = Files.readAllBytes(DemoModel.PATH);
        Path half = dir.resolve("half.gguf");
        Files.write(half, Arrays.copyOf(whole, whole.length / 2));
        assertThatExceptionOfType(ModelLoadException.class)
                .isThrownBy(() -> LlamaModel.load(half))
                .withMessageContaining("half.gguf");
    }

    @Test
    void logitsAndEmbeddingsAreViewsThatEndWithTheNextComputation() {
        try (LlamaModel model = DemoModel.load();
                LlamaSession session =
                        model.newSession(SessionOptions.defaults().withEmbeddings(true));
                LlamaSession plain = model.newSession()) {
            assertThatIllegalStateException()
                    .isThrownBy(session::logits)
                    .withMessageContaining("nothing has been computed");
            session.decode(model.tokenizer().encode(FRANCE));
            plain.decode(model.tokenizer().encode(FRANCE));
            MemorySegment logits = plain.logits();
            assertThat(logits.byteSize()).isEqualTo(4L * model.vocabularySize());
            assertThat(logits.isReadOnly()).isTrue();
            assertThat(model.tokenizer().decode(argMax(logits))).isEqualTo("The");
            assertThat(model.tokenizer().decode(argMax(session.logits()))).isEqualTo("The");

            MemorySegment embeddings = session.embedding();
            assertThat(embeddings.byteSize()).isEqualTo(4L * model.embeddingSize());
            assertThat(embeddings.toArray(ValueLayout.JAVA_FLOAT)).doesNotContain(Float.NaN);
            assertThatIllegalStateException()
                    .isThrownBy(plain::embedding)
                    .withMessageContaining("withEmbeddings");

            plain.decode(argMax(logits));
            assertThatIllegalStateException()
                    .isThrownBy(() -> logits.get(ValueLayout.JAVA_FLOAT, 0));
            session.reset();
            assertThatIllegalStateException()
                    .isThrownBy(() -> embeddings.get(ValueLayout.JAVA_FLOAT, 0));
        }
    }

    private static int argMax(MemorySegment logits) {
        float[] values = logits.toArray(ValueLayout.JAVA_FLOAT);
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            best = values[i] > values[best] ? i : best;
        }
        return best;
    }

    private interface ThrowingAction {
        void run();
    }

    private static Throwable causeOf(Future<?> result) {
        try {
            result.get();
            return null;
        } catch (Exception e) {
            return e.getCause();
        }
    }
}
