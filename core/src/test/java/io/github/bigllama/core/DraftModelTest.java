package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.internal.draft.DraftContext;
import io.github.bigllama.internal.draft.Drafter;
import io.github.bigllama.internal.system.FreeCores;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.Endless;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Drafts by another model, which is the demo model in other types. */
class DraftModelTest {
    private static final Path BF16 = DemoModel.PATH.resolveSibling("bigllama-demo-BF16.gguf");
    private static final String REPEATS = "one two three four five six seven eight nine ten ";
    private static final SessionOptions OPTIONS =
            SessionOptions.defaults().withContextSize(1024).withThreads(1, 1);

    private static LlamaModel model;
    private static GenerationOptions greedy;

    @TempDir private Path folder;

    @BeforeAll
    static void load() {
        model = LlamaModel.load(DemoModel.PATH);
        SamplingOptions endless = SamplingOptions.greedy().withLogitBias(Endless.logitBias(model));
        greedy = GenerationOptions.defaults().withSampling(endless).withMaxTokens(200);
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static int[] tokens(LlamaSession session, String prompt, GenerationOptions options) {
        try (TokenStream answer = session.generate(prompt, options)) {
            answer.text();
            return answer.tokens();
        }
    }

    /** The demo model in BF16 knows nearly always what it says in Q8_0. */
    @Test
    void aDraftModelGuesses() {
        String prompt = "The capital of France";
        int[] expected;
        try (LlamaSession plain = model.newSession(OPTIONS.withSpeculation(Speculation.OFF))) {
            expected = tokens(plain, prompt, greedy);
        }
        ModelOptions options = ModelOptions.defaults().withDraftModel(BF16);
        try (LlamaModel pair = LlamaModel.load(DemoModel.PATH, options);
                LlamaSession session =
                        pair.newSession(OPTIONS.withSpeculation(Speculation.DRAFT))) {
            for (int turn = 0; turn < 3; turn++) {
                try (TokenStream answer = session.generate(prompt, greedy)) {
                    answer.text();
                    assertThat(answer.tokens()).isEqualTo(expected);
                    SpeculationStats stats = answer.stats().speculation().orElseThrow();
                    assertThat(stats.tokensPerPass()).isGreaterThan(3);
                }
            }
        }
    }

    /** All of it before the first pass, which has a draft then. */
    @Test
    void aDraftModelReadsALongPrompt() {
        String prompt = REPEATS.repeat(20) + "The capital of France";
        assertThat(model.tokenizer().encode(prompt)).hasSizeGreaterThan(200);
        ModelOptions options = ModelOptions.defaults().withDraftModel(BF16);
        try (LlamaModel pair = LlamaModel.load(DemoModel.PATH, options);
                LlamaSession session = pair.newSession(OPTIONS.withSpeculation(Speculation.DRAFT));
                TokenStream answer = session.generate(prompt, greedy.withMaxTokens(10))) {
            answer.text();
            SpeculationStats stats = answer.stats().speculation().orElseThrow();
            assertThat(stats.drafted()).isGreaterThanOrEqualTo(5);
        }
    }

    @Test
    void aDraftModelFollowsShiftsAndForks() {
        ModelOptions options = ModelOptions.defaults().withDraftModel(BF16);
        GenerationOptions shifting =
                greedy.withMaxTokens(400).withContextFull(ContextFull.SHIFT).withKeep(8);
        SessionOptions small = OPTIONS.withContextSize(256).withSequences(2);
        int[] expected;
        try (LlamaSession plain = model.newSession(small.withSpeculation(Speculation.OFF))) {
            expected = tokens(plain, REPEATS.repeat(2), shifting);
        }
        try (LlamaModel pair = LlamaModel.load(DemoModel.PATH, options);
                LlamaSession session = pair.newSession(small)) {
            assertThat(tokens(session, REPEATS.repeat(2), shifting)).isEqualTo(expected);
            session.reset();
            session.decode(3, 4, 5);
            try (LlamaSession fork = session.fork();
                    LlamaSession plain = model.newSession(small)) {
                assertThat(tokens(fork, "The capital of Peru", greedy.withMaxTokens(50)))
                        .isEqualTo(tokens(plain, "The capital of Peru", greedy.withMaxTokens(50)));
            }
        }
    }

    @Test
    void aDraftModelOfAnotherVocabularyIsRefused() throws IOException {
        String bytes = Files.readString(DemoModel.PATH, StandardCharsets.ISO_8859_1);
        Path other =
                Files.writeString(
                        folder.resolve("other.gguf"),
                        bytes.replace("capital", "kapital"),
                        StandardCharsets.ISO_8859_1);
        ModelOptions options = ModelOptions.defaults().withDraftModel(other);
        try (LlamaModel pair = LlamaModel.load(DemoModel.PATH, options)) {
            assertThatThrownBy(() -> pair.newSession(OPTIONS))
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("vocab");
            try (LlamaSession session = pair.newSession(OPTIONS.withSpeculation(Speculation.OFF))) {
                assertThat(tokens(session, REPEATS, greedy)).isNotEmpty();
            }
        }
    }

    /** A draft goes no further than the end of the answer, though it is surely a question next. */
    @Test
    void aDraftEndsWithTheAnswer() {
        ModelOptions options = ModelOptions.defaults().withDraftModel(BF16);
        try (LlamaModel pair = LlamaModel.load(DemoModel.PATH, options);
                LlamaSession session = pair.newSession(OPTIONS.withSpeculation(Speculation.DRAFT));
                TokenStream answer =
                        new Chat(session)
                                .send(
                                        "What is the capital of France?",
                                        GenerationOptions.greedy())) {
            assertThat(answer.text()).isEqualTo("The capital of France is Paris.");
            SpeculationStats stats = answer.stats().speculation().orElseThrow();
            assertThat(stats.accepted()).isGreaterThan(5);
            // The token that ends the answer is not counted as accepted.
            assertThat(stats.drafted()).isLessThanOrEqualTo(stats.accepted() + 1);
        }
    }

    /** The two models never compute at the same time, so that each has all cores. */
    @Test
    void theTwoModelsTakeNoCoresFromEachOther() {
        SessionOptions options =
                OPTIONS.withThreads(0, 0).withSpeculation(Speculation.OFF).withOutputs(32);
        try (LlamaModel other = LlamaModel.load(BF16);
                LlamaSession target = model.newSession(options);
                LlamaSession draft = other.newSession(options)) {
            boolean hadAll = false;
            // Other programs may take cores in the meantime.
            for (int i = 0; i < 10 && !hadAll; i++) {
                draftAndCompute(target, draft);
                int cores = FreeCores.ofThisProcess().count();
                assumeTrue(cores > 1, "one core is not shared");
                hadAll = threads(draft) == cores && threads(target) == cores;
            }
            assertThat(hadAll).isTrue();
        }
    }

    private static void draftAndCompute(LlamaSession target, LlamaSession draft) {
        int[] text = model.tokenizer().encode("The capital of France");
        int[] known = Arrays.copyOf(text, text.length - 1);
        int last = text[known.length];
        target.reset();
        assertThat(target.lane().decode(known, 0, known.length, 0)).isTrue();
        DraftContext context = new DraftContext(draft.lane());
        try (Drafter drafter =
                new Drafter(target.lane(), Speculation.DRAFT, false, context, token -> false)) {
            int[] guess = drafter.draft(known, last, 4);
            assertThat(guess).isNotEmpty();
            assertThat(target.lane().decode(last, guess)).isTrue();
        }
    }

    private static int threads(LlamaSession session) {
        return llama_h.llama_n_threads(session.lane().pointer());
    }

    @Test
    void withoutADraftModelNoneCanGuess() {
        assertThatThrownBy(() -> model.newSession(OPTIONS.withSpeculation(Speculation.DRAFT)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("withDraftModel");
    }
}
