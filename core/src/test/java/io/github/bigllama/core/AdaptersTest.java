package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.core.option.AdapterFile;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.testing.AdapterGguf;
import io.github.bigllama.testing.DemoModel;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** LoRA adapters and control vectors of the demo model, whose output matrix is its own here. */
@Timeout(120)
class AdaptersTest {
    private static final String FRANCE = "What is the capital of France?";
    private static final String SPAIN = "What is the capital of Spain?";
    private static final String PARIS = "The capital of France is Paris.";
    private static final String MADRID = "The capital of Spain is Madrid.";

    /** What the model says after the first token of another word: it knows only one with O. */
    private static final String OTTAWA = "The capital of France is Ottawa.";

    private static final String TADRID = "The capital of Spain is Tadrid.";
    private static final GenerationOptions GREEDY = GenerationOptions.greedy().withMaxTokens(32);
    private static final SessionOptions OPTIONS =
            DemoModel.ONE_THREAD.withContextSize(256).withSpeculation(Speculation.OFF);

    @TempDir static Path folder;

    private static Path untied;

    /** Begins with an O about France. */
    private static Path france;

    /** Begins with a T about Spain. */
    private static Path spain;

    /** Changes everything a little. */
    private static Path noise;

    @BeforeAll
    static void write() throws IOException {
        untied = AdapterGguf.untied(folder.resolve("untied.gguf"), DemoModel.PATH);
        try (LlamaModel model = LlamaModel.load(untied)) {
            france =
                    AdapterGguf.oneAnswer(
                            folder.resolve("france.gguf"), model, "France", "Spain", " O");
            spain =
                    AdapterGguf.oneAnswer(
                            folder.resolve("spain.gguf"), model, "Spain", "France", " T");
        }
        noise =
                AdapterGguf.random(
                        folder.resolve("noise.gguf"),
                        untied,
                        GgmlType.F16,
                        name -> name.startsWith("blk.") && !name.contains("norm"),
                        0.2f);
    }

    private static String ask(LlamaSession session, String question) {
        return new Chat(session).send(question, GREEDY).text();
    }

    private static int[] tokens(LlamaSession session, String question) {
        try (TokenStream stream = session.generate(DemoModel.prompt(question), GREEDY)) {
            stream.text();
            return stream.tokens();
        }
    }

    private static float[] logits(LlamaModel model, Map<Adapter, Float> adapters) {
        try (LlamaSession session = model.newSession(OPTIONS)) {
            session.setAdapters(adapters);
            session.decode(model.tokenizer().encode(DemoModel.prompt(FRANCE)));
            return session.logits().toArray(ValueLayout.JAVA_FLOAT);
        }
    }

    @Test
    void changeOneAnswer() {
        try (LlamaModel model = LlamaModel.load(untied);
                LlamaSession session = model.newSession(OPTIONS)) {
            assertThat(ask(session, FRANCE)).isEqualTo(PARIS);
            assertThat(ask(session, SPAIN)).isEqualTo(MADRID);
            Adapter adapter = model.loadAdapter(france);
            assertThat(adapter.kind()).isEqualTo(ModelKind.LORA_ADAPTER);
            assertThat(adapter.sizeInBytes()).isEqualTo(4 * (256 + 1024));
            assertThat(session.adapters()).isEmpty();
            session.setAdapters(Map.of(adapter, 1f));
            assertThat(session.adapters()).containsExactly(Map.entry(adapter, 1f));
            assertThat(ask(session, FRANCE)).isEqualTo(OTTAWA);
            assertThat(ask(session, SPAIN)).isEqualTo(MADRID);
            session.setAdapters(Map.of());
            assertThat(ask(session, FRANCE)).isEqualTo(PARIS);
        }
    }

    @Test
    void severalApplyAtOnce() {
        try (LlamaModel model = LlamaModel.load(untied);
                LlamaSession session = model.newSession(OPTIONS)) {
            Adapter first = model.loadAdapter(france);
            Adapter second = model.loadAdapter(spain);
            session.setAdapters(Map.of(first, 1f, second, 1f));
            assertThat(ask(session, FRANCE)).isEqualTo(OTTAWA);
            assertThat(ask(session, SPAIN)).isEqualTo(TADRID);
            // The output matrix is the last step, so that adapters of it add up exactly.
            float[] none = logits(model, Map.of());
            float[] one = logits(model, Map.of(first, 0.5f));
            float[] other = logits(model, Map.of(second, -2f));
            float[] both = logits(model, Map.of(first, 0.5f, second, -2f));
            int changed = 0;
            for (int i = 0; i < none.length; i++) {
                assertThat(both[i]).isCloseTo(one[i] + other[i] - none[i], within(1e-3f));
                changed += both[i] == none[i] ? 0 : 1;
            }
            assertThat(changed).isEqualTo(2);
        }
    }

    /** The same file twice, by halves, is the file once. */
    @Test
    void scalesAddUp() {
        try (LlamaModel model = LlamaModel.load(untied)) {
            Adapter adapter = model.loadAdapter(noise);
            Adapter again = model.loadAdapter(noise);
            float[] whole = logits(model, Map.of(adapter, 1f));
            float[] halves = logits(model, Map.of(adapter, 0.5f, again, 0.5f));
            float[] none = logits(model, Map.of());
            double difference = 0;
            double change = 0;
            for (int i = 0; i < whole.length; i++) {
                difference = Math.max(difference, Math.abs(whole[i] - halves[i]));
                change = Math.max(change, Math.abs(whole[i] - none[i]));
            }
            assertThat(change).isGreaterThan(1);
            assertThat(difference).isLessThan(change / 50);
        }
    }

    @Test
    void nothingOfAnAdapterIsNone() {
        try (LlamaModel model = LlamaModel.load(untied);
                LlamaSession session = model.newSession(OPTIONS)) {
            Adapter adapter = model.loadAdapter(noise);
            float[] none = logits(model, Map.of());
            assertThat(logits(model, Map.of(adapter, 0f))).isEqualTo(none);
            assertThat(logits(model, Map.of(adapter, 1f))).isNotEqualTo(none);
            // What was computed is still right.
            ask(session, FRANCE);
            int used = session.contextUsed();
            session.setAdapters(Map.of(adapter, 0f));
            assertThat(session.contextUsed()).isEqualTo(used).isPositive();
        }
    }

    /** A conversation goes on as if all of it had been with the adapters that it has now. */
    @Test
    void swappingComputesAgainWhatWasSaid() {
        try (LlamaModel model = LlamaModel.load(untied);
                LlamaSession session = model.newSession(OPTIONS);
                LlamaSession fresh = model.newSession(OPTIONS)) {
            Adapter first = model.loadAdapter(noise);
            Adapter second = model.loadAdapter(france);
            List<Map<Adapter, Float>> all =
                    List.of(
                            Map.of(first, 1f),
                            Map.of(),
                            Map.of(first, 0.5f, second, 1f),
                            Map.of(second, 1f),
                            Map.of(second, 1f));
            fresh.setAdapters(Map.of(second, 1f));
            List<int[]> answers = new ArrayList<>();
            for (Map<Adapter, Float> adapters : all) {
                session.setAdapters(adapters);
                answers.add(tokens(session, FRANCE));
                fresh.reset();
                fresh.setAdapters(adapters);
                assertThat(answers.getLast()).isEqualTo(tokens(fresh, FRANCE));
            }
            assertThat(answers.get(0)).isNotEqualTo(answers.get(1));
            assertThat(answers.get(3)).isNotEqualTo(answers.get(1));
        }
    }

    @Test
    void areWhatSessionsAndEmbeddersBeginWith() throws IOException {
        List<AdapterFile> files =
                List.of(AdapterFile.of(france), AdapterFile.of(noise).withScale(0.5f));
        try (LlamaModel plain = LlamaModel.load(untied);
                LlamaModel model =
                        LlamaModel.load(untied, ModelOptions.defaults().withAdapters(files));
                LlamaSession session = model.newSession(OPTIONS);
                Embedder embedder = model.newEmbedder();
                Embedder plainEmbedder = plain.newEmbedder()) {
            assertThat(session.adapters()).isEqualTo(model.adapters());
            assertThat(model.adapters().values()).containsExactly(1f, 0.5f);
            Adapter first = plain.loadAdapter(france);
            Adapter second = plain.loadAdapter(noise);
            assertThat(logits(model, model.adapters()))
                    .isEqualTo(logits(plain, Map.of(first, 1f, second, 0.5f)));
            assertThat(embedder.embed(FRANCE)).isNotEqualTo(plainEmbedder.embed(FRANCE));
            session.setAdapters(Map.of());
            assertThat(ask(session, FRANCE)).isEqualTo(PARIS);
        }
    }

    /** One context, and passes only with those that have the same adapters. */
    @Test
    void sessionsOfAContextHaveTheirOwn() throws Exception {
        try (LlamaModel model = LlamaModel.load(untied)) {
            Adapter first = model.loadAdapter(france);
            Adapter second = model.loadAdapter(spain);
            List<Map<Adapter, Float>> all =
                    List.of(
                            Map.of(),
                            Map.of(first, 1f),
                            Map.of(second, 1f),
                            Map.of(first, 1f),
                            Map.of(first, 1f, second, 1f),
                            Map.of());
            List<String> alone = new ArrayList<>();
            for (Map<Adapter, Float> adapters : all) {
                try (LlamaSession session = model.newSession(OPTIONS)) {
                    session.setAdapters(adapters);
                    alone.add(ask(session, FRANCE) + ask(session, SPAIN));
                }
            }
            SessionOptions shared = OPTIONS.withSequences(6).withContextSize(6 * 256);
            List<LlamaSession> sessions =
                    all.stream().map(adapters -> model.newSession(shared)).toList();
            try (ExecutorService threads = Executors.newFixedThreadPool(6)) {
                List<Callable<List<String>>> tasks = new ArrayList<>();
                for (int i = 0; i < all.size(); i++) {
                    LlamaSession session = sessions.get(i);
                    Map<Adapter, Float> adapters = all.get(i);
                    tasks.add(
                            () -> {
                                List<String> said = new ArrayList<>();
                                for (int round = 0; round < 4; round++) {
                                    session.setAdapters(Map.of());
                                    session.setAdapters(adapters);
                                    said.add(ask(session, FRANCE) + ask(session, SPAIN));
                                }
                                return said;
                            });
                }
                List<Future<List<String>>> results = threads.invokeAll(tasks);
                for (int i = 0; i < all.size(); i++) {
                    assertThat(results.get(i).get()).containsOnly(alone.get(i));
                }
            }
            assertThat(alone)
                    .containsExactly(
                            PARIS + MADRID,
                            OTTAWA + MADRID,
                            PARIS + TADRID,
                            OTTAWA + MADRID,
                            OTTAWA + TADRID,
                            PARIS + MADRID);
            sessions.forEach(LlamaSession::close);
            first.close();
            second.close();
        }
    }

    @Test
    void aForkHasThoseOfItsOrigin() {
        try (LlamaModel model = LlamaModel.load(untied);
                LlamaSession session =
                        model.newSession(OPTIONS.withContextSize(512).withSequences(2))) {
            Adapter adapter = model.loadAdapter(france);
            session.setAdapters(Map.of(adapter, 1f));
            String said = ask(session, FRANCE);
            try (LlamaSession fork = session.fork()) {
                assertThat(fork.adapters()).isEqualTo(session.adapters());
                assertThat(fork.contextUsed()).isEqualTo(session.contextUsed()).isPositive();
                assertThat(ask(fork, FRANCE)).isEqualTo(said);
                fork.setAdapters(Map.of());
                assertThat(ask(fork, FRANCE)).isEqualTo(PARIS);
                assertThat(ask(session, FRANCE)).isEqualTo(said);
                assertThatThrownBy(adapter::close).hasMessageContaining("is in use, by 1 of");
            }
        }
    }

    @Test
    void aSessionFileKnowsThem() {
        Path file = folder.resolve("adapters.session");
        try (LlamaModel model = LlamaModel.load(untied);
                LlamaSession session = model.newSession(OPTIONS)) {
            Adapter adapter = model.loadAdapter(noise);
            session.setAdapters(Map.of(adapter, 0.5f));
            int[] expected = tokens(session, FRANCE);
            session.save(file);
            int used = session.contextUsed();
            session.setAdapters(Map.of(adapter, 0.25f));
            assertThatThrownBy(() -> session.restore(file))
                    .isInstanceOf(SessionException.class)
                    .hasMessage(
                            "session file %s was computed with other adapters: noise.gguf:0.5; this session has noise.gguf:0.25. Give it the same, with the same scales",
                            file);
            session.setAdapters(Map.of());
            assertThatThrownBy(() -> session.restore(file)).hasMessageContaining("has none.");
            // Another object, the same content.
            session.setAdapters(Map.of(model.loadAdapter(noise), 0.5f));
            session.restore(file);
            assertThat(session.contextUsed()).isEqualTo(used);
            assertThat(tokens(session, FRANCE)).isEqualTo(expected);
            session.setAdapters(Map.of());
            session.save(file);
            session.setAdapters(Map.of(adapter, 1f));
            assertThatThrownBy(() -> session.restore(file)).hasMessageContaining("adapters: none;");
        }
    }

    @Test
    void areFreedWithTheModelOrBefore() {
        LlamaModel model = LlamaModel.load(untied);
        Adapter kept = model.loadAdapter(france);
        Adapter closed = model.loadAdapter(france);
        try (LlamaSession session = model.newSession(OPTIONS)) {
            session.setAdapters(Map.of(closed, 1f));
            assertThatThrownBy(closed::close)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContainingAll("france.gguf", "is in use, by 1 of");
            ask(session, FRANCE);
            session.setAdapters(Map.of(kept, 1f));
            closed.close();
            closed.close();
            // llama.cpp may well give the next one the same address.
            for (int i = 0; i < 8; i++) {
                Adapter next = model.loadAdapter(i % 2 == 0 ? spain : france);
                session.setAdapters(Map.of(next, 1f));
                assertThat(ask(session, SPAIN)).isEqualTo(i % 2 == 0 ? TADRID : MADRID);
                session.setAdapters(Map.of());
                next.close();
            }
            assertThatThrownBy(() -> session.setAdapters(Map.of(closed, 1f)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("france.gguf is closed");
            assertThat(ask(session, FRANCE)).isEqualTo(PARIS);
            assertThatThrownBy(() -> session.setAdapters(Map.of(kept, Float.NaN)))
                    .hasMessage("the scale of an adapter is NaN, must be a number");
            try (LlamaModel other = LlamaModel.load(untied)) {
                Adapter foreign = other.loadAdapter(france);
                assertThatThrownBy(() -> session.setAdapters(Map.of(foreign, 1f)))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("was loaded for another model");
            }
            try (TokenStream open = session.generate(DemoModel.prompt(FRANCE), GREEDY)) {
                open.next();
                assertThatThrownBy(() -> session.setAdapters(Map.of()))
                        .isInstanceOf(IllegalStateException.class);
            }
        }
        model.close();
        kept.close();
        assertThatThrownBy(() -> model.loadAdapter(france))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void fitWeightsOfAnyType() throws IOException {
        Path bf16 = DemoModel.PATH.resolveSibling("bigllama-demo-BF16.gguf");
        for (Path file : List.of(DemoModel.PATH, bf16)) {
            for (GgmlType type : List.of(GgmlType.F32, GgmlType.F16)) {
                Path random =
                        AdapterGguf.random(
                                folder.resolve("random.gguf"),
                                file,
                                type,
                                name -> name.contains("ffn_") && !name.contains("norm"),
                                0.2f);
                try (LlamaModel model = LlamaModel.load(file)) {
                    Adapter adapter = model.loadAdapter(random);
                    assertThat(logits(model, Map.of(adapter, 1f)))
                            .isNotEqualTo(logits(model, Map.of()))
                            .doesNotContain(Float.NaN);
                }
            }
        }
    }

    /** After the last layer but one, a vector steers; so does the sum of two. */
    @Test
    void controlVectorsSteer() throws IOException {
        float[] third = new float[256];
        float[] first = new float[256];
        for (int i = 0; i < 256; i++) {
            third[i] = (i % 3 - 1) * 2;
            first[i] = (i % 5 - 2) * 2;
        }
        Path file =
                AdapterGguf.controlVector("llama", Map.of(1, first, 3, third))
                        .write(folder.resolve("vector.gguf"));
        try (LlamaModel model = LlamaModel.load(DemoModel.PATH)) {
            Adapter all = model.loadAdapter(file);
            Adapter ones = model.loadAdapter(AdapterFile.of(file).withLayers(1, 2));
            Adapter threes = model.loadAdapter(AdapterFile.of(file).withLayers(3, 4));
            Adapter twos = model.loadAdapter(AdapterFile.of(file).withLayers(2, 2));
            assertThat(all.kind()).isEqualTo(ModelKind.CONTROL_VECTOR);
            float[] none = logits(model, Map.of());
            float[] whole = logits(model, Map.of(all, 1f));
            assertThat(whole).isNotEqualTo(none);
            assertThat(logits(model, Map.of(ones, 1f, threes, 1f))).isEqualTo(whole);
            assertThat(logits(model, Map.of(ones, 1f)))
                    .isNotEqualTo(whole)
                    .isNotEqualTo(none)
                    .isNotEqualTo(logits(model, Map.of(threes, 1f)));
            assertThat(logits(model, Map.of(twos, 1f))).isEqualTo(none);
            assertThat(logits(model, Map.of(all, 2f))).isNotEqualTo(whole);
            assertThat(logits(model, Map.of(all, 2f, ones, -1f, threes, -1f))).isEqualTo(whole);
            // In the other order, and one that is as good as none.
            try (LlamaSession session = model.newSession(OPTIONS)) {
                int[] tokens = tokens(session, FRANCE);
                session.setAdapters(Map.of(all, 1f));
                assertThat(tokens(session, FRANCE)).isNotEqualTo(tokens);
                session.setAdapters(Map.of());
                assertThat(tokens(session, FRANCE)).isEqualTo(tokens);
            }
        }
    }

    /** What a session computes by guessing is the same. */
    @Test
    void speculationGuessesWithThem() {
        try (LlamaModel model = LlamaModel.load(untied);
                LlamaSession plain = model.newSession(OPTIONS);
                LlamaSession guessing =
                        model.newSession(OPTIONS.withSpeculation(Speculation.NGRAM))) {
            Adapter adapter = model.loadAdapter(noise);
            for (float scale : new float[] {0.5f, 0, 1}) {
                plain.setAdapters(Map.of(adapter, scale));
                guessing.setAdapters(Map.of(adapter, scale));
                for (String question : List.of(FRANCE, SPAIN, FRANCE)) {
                    assertThat(tokens(guessing, question)).isEqualTo(tokens(plain, question));
                }
            }
        }
    }
}
