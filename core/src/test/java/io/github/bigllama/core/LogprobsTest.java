package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.Reply;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.ServerOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.Endless;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** How likely the model found what it says. */
class LogprobsTest {
    private static final String FRANCE = DemoModel.prompt("What is the capital of France?");
    private static final String COUNT = DemoModel.prompt("Count from 3 to 17.");
    private static final GenerationOptions GREEDY = GenerationOptions.greedy().withLogprobs(5);

    /**
     * Other kernels compute several tokens at a time, with sums in another order; they differ by
     * this much.
     */
    private static final double KERNELS = 0.02;

    private static LlamaModel model;

    @BeforeAll
    static void load() {
        model = DemoModel.load();
    }

    @AfterAll
    static void close() {
        model.close();
    }

    /** What an answer said, and how likely it was. */
    private record Said(int[] tokens, List<TokenLogprob> logprobs) {}

    private static Said say(LlamaSession session, String prompt, GenerationOptions options) {
        try (TokenStream answer = session.generate(prompt, options)) {
            answer.text();
            return new Said(answer.tokens(), answer.logprobs());
        }
    }

    private static Said say(String prompt, GenerationOptions options) {
        try (LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            return say(session, prompt, options);
        }
    }

    /** The definition: the logarithm of exp(x) over the sum of all exp(x). */
    private static double[] logSoftmax(MemorySegment logits) {
        double[] x = new double[model.vocabularySize()];
        Arrays.setAll(x, i -> logits.getAtIndex(ValueLayout.JAVA_FLOAT, i));
        double sum = Arrays.stream(x).map(Math::exp).sum();
        return Arrays.stream(x).map(logit -> Math.log(Math.exp(logit) / sum)).toArray();
    }

    /** The log-probabilities at each place of an answer, computed token by token. */
    private static List<double[]> expected(String prompt, int[] tokens) {
        List<double[]> rows = new ArrayList<>();
        try (LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            session.decode(model.tokenizer().encode(prompt));
            for (int token : tokens) {
                rows.add(logSoftmax(session.logits()));
                session.decode(token);
            }
        }
        return rows;
    }

    private static void assertLikely(Said said, List<double[]> expected, double tolerance) {
        assertThat(said.logprobs).hasSize(said.tokens.length).hasSize(expected.size());
        for (int i = 0; i < said.tokens.length; i++) {
            double[] row = expected.get(i);
            TokenLogprob one = said.logprobs.get(i);
            assertThat(one.token()).isEqualTo(said.tokens[i]);
            assertThat(one.logprob()).isCloseTo(row[one.token()], within(tolerance));
            double[] sorted = Arrays.stream(row).map(x -> -x).sorted().map(x -> -x).toArray();
            assertThat(one.top()).hasSize(5);
            for (int k = 0; k < 5; k++) {
                TokenLogprob.Alternative other = one.top().get(k);
                assertThat(other.logprob()).isCloseTo(row[other.token()], within(tolerance));
                assertThat(other.logprob()).isCloseTo(sorted[k], within(tolerance));
                assertThat(other.text())
                        .isEqualTo(model.tokenizer().decode(new int[] {other.token()}, true));
            }
            assertThat(one.top().stream().map(TokenLogprob.Alternative::token))
                    .doesNotHaveDuplicates();
        }
    }

    @Test
    void isTheSoftmaxOfTheSessionsLogits() {
        Said said = say(FRANCE, GREEDY);
        assertThat(said.tokens).hasSizeGreaterThan(5);
        assertLikely(said, expected(FRANCE, said.tokens), 1e-9);
        assertThat(said.logprobs)
                .allSatisfy(one -> assertThat(one.top().getFirst().token()).isEqualTo(one.token()));
    }

    @Test
    void isWhatTheModelFoundBeforeAnyStepOfSampling() {
        GenerationOptions options =
                GREEDY.withMaxTokens(12)
                        .withSampling(
                                SamplingOptions.defaults()
                                        .withTemperature(3)
                                        .withTopK(20)
                                        .withSeed(11)
                                        .withPenalties(
                                                new SamplingOptions.Penalties(64, 1.5f, 1, 1))
                                        .withLogitBias(Map.of(40, 5f)));
        Said said = say(FRANCE, options);
        assertLikely(said, expected(FRANCE, said.tokens), 1e-9);
        assertThat(said.logprobs)
                .anySatisfy(
                        one -> assertThat(one.top().getFirst().token()).isNotEqualTo(one.token()));
    }

    @Test
    void aGrammarChangesWhatIsSaidAndNotHowLikelyItIs() {
        Grammar grammar = Grammar.gbnf("root ::= \"zebra quagga zebra\"");
        Said said = say(FRANCE, GREEDY.withGrammar(grammar));
        assertThat(model.tokenizer().decode(said.tokens)).isEqualTo("zebra quagga zebra");
        assertLikely(said, expected(FRANCE, said.tokens), 1e-9);
        assertThat(said.logprobs.getFirst().logprob()).isLessThan(-3);
    }

    @Test
    void aProcessorChangesWhatIsSaidAndNotHowLikelyItIs() {
        int the = say(FRANCE, GREEDY.withMaxTokens(1)).tokens[0];
        Said said =
                say(
                        FRANCE,
                        GREEDY.withMaxTokens(3)
                                .withSampling(
                                        SamplingOptions.greedy()
                                                .withProcessors(
                                                        (tokens, generated, logits) ->
                                                                logits.setAtIndex(
                                                                        ValueLayout.JAVA_FLOAT,
                                                                        the,
                                                                        Float.NEGATIVE_INFINITY))));
        assertThat(said.tokens).doesNotContain(the);
        assertThat(said.logprobs.getFirst().top().getFirst().token()).isEqualTo(the);
        assertLikely(said, expected(FRANCE, said.tokens), 1e-9);
    }

    @ParameterizedTest
    @EnumSource(
            value = Speculation.class,
            mode = Mode.EXCLUDE,
            names = {"DRAFT", "MTP"})
    void guessesChangeNothing(Speculation speculation) {
        String prompt = "one two three four five six seven eight nine ten ".repeat(4);
        GenerationOptions options =
                GREEDY.withMaxTokens(60)
                        .withSampling(
                                SamplingOptions.greedy().withLogitBias(Endless.logitBias(model)));
        try (LlamaSession session =
                        model.newSession(DemoModel.ONE_THREAD.withSpeculation(speculation));
                TokenStream answer = session.generate(prompt, options)) {
            answer.text();
            Said said = new Said(answer.tokens(), answer.logprobs());
            assertLikely(said, expected(prompt, said.tokens), KERNELS);
            if (speculation == Speculation.NGRAM) {
                assertThat(answer.stats().speculation().orElseThrow().accepted()).isPositive();
            }
        }
    }

    @Test
    void sessionsThatShareAContextHaveTheirOwn() throws Exception {
        SessionOptions shared = DemoModel.ONE_THREAD.withContextSize(1024).withSequences(2);
        try (LlamaSession one = model.newSession(shared);
                LlamaSession two = model.newSession(shared)) {
            Said[] said = new Said[2];
            Thread other = Thread.ofVirtual().start(() -> said[1] = say(two, COUNT, GREEDY));
            said[0] = say(one, FRANCE, GREEDY);
            other.join();
            assertLikely(said[0], expected(FRANCE, said[0].tokens), KERNELS);
            assertLikely(said[1], expected(COUNT, said[1].tokens), KERNELS);
        }
    }

    @Test
    void comeWithThePiecesThatTheyBelongTo() {
        try (LlamaSession session = model.newSession(DemoModel.ONE_THREAD);
                TokenStream answer = session.generate(FRANCE, GREEDY)) {
            assertThat(answer.logprobs()).isEmpty();
            StringBuilder text = new StringBuilder();
            while (answer.hasNext()) {
                text.append(answer.next());
                assertThat(answer.logprobs().stream().map(TokenLogprob::token))
                        .containsExactly(
                                Arrays.stream(answer.tokens()).boxed().toArray(Integer[]::new));
            }
            assertThat(
                            answer.logprobs().stream()
                                    .map(TokenLogprob::text)
                                    .reduce("", String::concat))
                    .isEqualTo(text.toString());
        }
    }

    @Test
    void askingForMoreThanAllGivesAll() {
        Said said = say(FRANCE, GREEDY.withMaxTokens(1).withLogprobs(Integer.MAX_VALUE));
        List<TokenLogprob.Alternative> all = said.logprobs.getFirst().top();
        assertThat(all.stream().map(TokenLogprob.Alternative::token))
                .hasSize(model.vocabularySize())
                .doesNotHaveDuplicates();
        assertThat(all.stream().mapToDouble(one -> Math.exp(one.logprob())).sum())
                .isCloseTo(1, within(1e-12));
        assertThat(IntStream.range(1, all.size()))
                .allMatch(i -> all.get(i - 1).logprob() >= all.get(i).logprob());
    }

    @Test
    void areNotThereUnlessAskedFor() {
        assertThat(say(FRANCE, GenerationOptions.greedy()).logprobs).isEmpty();
    }

    @Test
    void aReplyHasThem() {
        try (LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            Reply reply = new Chat(session).ask("What is the capital of France?", GREEDY);
            assertThat(reply.logprobs().stream().map(TokenLogprob::text).reduce("", String::concat))
                    .isEqualTo(reply.content());
            assertThat(new Chat(session).ask("Hi", GenerationOptions.greedy()).logprobs())
                    .isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(Asked.class)
    void llamaCppsServerSaysTheSame(Asked asked) throws Exception {
        try (LlamaServer server =
                        LlamaServer.start(
                                model, ServerOptions.defaults().withAddress("127.0.0.1", 0));
                HttpClient client = HttpClient.newHttpClient()) {
            ObjectMapper mapper = new ObjectMapper();
            String body =
                    mapper.writeValueAsString(
                            Map.of(
                                    "prompt",
                                    asked.prompt,
                                    "temperature",
                                    0,
                                    "n_predict",
                                    20,
                                    "n_probs",
                                    5));
            JsonNode response =
                    mapper.readTree(
                            client.send(
                                            HttpRequest.newBuilder(
                                                            server.addresses()
                                                                    .getFirst()
                                                                    .resolve("/completion"))
                                                    .POST(HttpRequest.BodyPublishers.ofString(body))
                                                    .build(),
                                            BodyHandlers.ofString())
                                    .body());
            List<TokenLogprob> ours = shown(say(asked.prompt, GREEDY.withMaxTokens(20)));
            assertThat(ours).hasSizeGreaterThan(asked == Asked.LLAMA ? 0 : 5);
            for (int i = 0; i < ours.size(); i++) {
                assertSame(ours.get(i), response.at("/completion_probabilities/" + i));
            }
        }
    }

    /** Prompts for the server. */
    enum Asked {
        FRANCE(LogprobsTest.FRANCE),
        LLAMA(DemoModel.prompt("Draw a llama.")),
        COUNT(LogprobsTest.COUNT);

        private final String prompt;

        Asked(String prompt) {
            this.prompt = prompt;
        }
    }

    /** The server leaves out tokens after which a character is not complete. */
    private static List<TokenLogprob> shown(Said said) {
        return IntStream.range(0, said.tokens.length)
                .filter(
                        i ->
                                !model.tokenizer()
                                        .decode(Arrays.copyOf(said.tokens, i + 1))
                                        .endsWith("\uFFFD"))
                .mapToObj(said.logprobs::get)
                .toList();
    }

    private static void assertSame(TokenLogprob ours, JsonNode theirs) {
        assertThat(ours.token()).isEqualTo(theirs.path("id").asInt(-1));
        assertThat(ours.logprob()).isCloseTo(theirs.path("logprob").asDouble(1), within(KERNELS));
        // The server's are those of the whole character.
        String bytes = Arrays.toString(model.tokenizer().bytes(ours.token(), true));
        byte[] theirBytes = new byte[theirs.path("bytes").size()];
        for (int i = 0; i < theirBytes.length; i++) {
            theirBytes[i] = (byte) theirs.path("bytes").get(i).asInt();
        }
        assertThat(Arrays.toString(theirBytes)).endsWith(bytes.substring(1));
        if (!ours.text().contains("\uFFFD")) {
            assertThat(Arrays.toString(theirBytes)).isEqualTo(bytes);
            assertThat(ours.text()).isEqualTo(theirs.path("token").asText());
        }
        for (int k = 0; k < 5; k++) {
            JsonNode other = theirs.at("/top_logprobs/" + k);
            assertThat(ours.top().get(k).logprob())
                    .isCloseTo(other.path("logprob").asDouble(1), within(KERNELS));
            if (k == 0) {
                assertThat(ours.top().get(k).token()).isEqualTo(other.path("id").asInt(-1));
            }
        }
    }
}
