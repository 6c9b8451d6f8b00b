package io.github.bigllama.langchain4j;

import static io.github.bigllama.langchain4j.Served.FRANCE;
import static io.github.bigllama.langchain4j.Served.PARIS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.annotation.JsonClassDescription;
import com.fasterxml.jackson.annotation.JsonTypeName;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.errors.UnauthorizedException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.helpers.ResponseAccumulator;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionCreateParams.LogitBias;
import com.openai.models.chat.completions.ChatCompletionMessage;
import com.openai.models.chat.completions.ChatCompletionMessageFunctionToolCall;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.chat.completions.ChatCompletionToolChoiceOption;
import com.openai.models.chat.completions.ChatCompletionToolMessageParam;
import com.openai.models.completions.CompletionUsage;
import com.openai.models.embeddings.EmbeddingCreateParams;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseStreamEvent;
import dev.langchain4j.model.output.TokenUsage;
import io.github.bigllama.core.Embedder;
import io.github.bigllama.core.LlamaServer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** OpenAI's own Java SDK as a client of {@link LlamaServer}. */
@Timeout(120)
class OpenAiSdkTest {
    /** What the SDK makes a JSON schema from. */
    public enum City {
        MUNICH,
        BERLIN
    }

    @JsonTypeName("getWeather")
    @JsonClassDescription("The weather")
    public static final class Weather {
        public City city;
    }

    public static final class Answer {
        public City city;
        public boolean sure;
    }

    private static LlamaServer server;
    private static OpenAIClient client;

    @BeforeAll
    static void start(@TempDir Path folder) throws Exception {
        server = Served.start(folder);
        client = client(Served.KEY);
    }

    @AfterAll
    static void stop() {
        client.close();
        server.close();
    }

    /** Without retries, which would hide a lost connection. */
    private static OpenAIClient client(String key) {
        return OpenAIOkHttpClient.builder()
                .baseUrl(Served.url(server))
                .apiKey(key)
                .maxRetries(0)
                .build();
    }

    private static ChatCompletionCreateParams.Builder question(String text) {
        return ChatCompletionCreateParams.builder()
                .model(Served.NAME)
                .temperature(0.0)
                .maxCompletionTokens(100)
                .addUserMessage(text);
    }

    /** An answer put together by the SDK; its pieces are added to the list. */
    private static ChatCompletion stream(ChatCompletionCreateParams params, List<String> pieces) {
        ChatCompletionAccumulator all = ChatCompletionAccumulator.create();
        try (StreamResponse<ChatCompletionChunk> chunks =
                client.chat().completions().createStreaming(params)) {
            chunks.stream()
                    .peek(all::accumulate)
                    .flatMap(chunk -> chunk.choices().stream())
                    .flatMap(choice -> choice.delta().content().stream())
                    .forEach(pieces::add);
        }
        return all.chatCompletion();
    }

    @Test
    void answersAsInThisProcess() {
        ChatCompletion answer = client.chat().completions().create(question(FRANCE).build());
        assertThat(answer.validate().model()).isEqualTo(Served.NAME);
        assertThat(answer.choices()).hasSize(1);
        ChatCompletion.Choice choice = answer.choices().getFirst();
        assertThat(choice.message().content()).contains(PARIS);
        assertThat(choice.finishReason()).isEqualTo(ChatCompletion.Choice.FinishReason.STOP);

        CompletionUsage usage = answer.usage().orElseThrow();
        try (BigllamaChatModel model = Demo.chat().chatTemplate(Demo.TEMPLATE).build()) {
            var same = model.chat(dev.langchain4j.data.message.UserMessage.from(FRANCE));
            assertThat(same.aiMessage().text()).isEqualTo(PARIS);
            TokenUsage expected = same.tokenUsage();
            assertThat(usage.promptTokens()).isEqualTo(expected.inputTokenCount().longValue());
            // llama.cpp's server counts the token that ends an answer.
            assertThat(usage.completionTokens())
                    .isBetween(
                            expected.outputTokenCount().longValue(),
                            expected.outputTokenCount() + 1L);
        }
        assertThat(usage.totalTokens()).isEqualTo(usage.promptTokens() + usage.completionTokens());

        ChatCompletion cut =
                client.chat().completions().create(question(FRANCE).maxCompletionTokens(3).build());
        assertThat(cut.choices().getFirst().finishReason())
                .isEqualTo(ChatCompletion.Choice.FinishReason.LENGTH);
        assertThat(cut.usage().orElseThrow().completionTokens()).isEqualTo(3);
    }

    @Test
    void streamsTheSameAnswer() {
        ChatCompletionCreateParams params =
                question(FRANCE)
                        .streamOptions(
                                ChatCompletionStreamOptions.builder().includeUsage(true).build())
                        .build();
        CompletionUsage whole =
                client.chat().completions().create(question(FRANCE).build()).usage().orElseThrow();
        for (int i = 0; i < 3; i++) {
            List<String> pieces = new ArrayList<>();
            ChatCompletion answer = stream(params, pieces);
            assertThat(String.join("", pieces)).isEqualTo(PARIS);
            assertThat(pieces).hasSizeGreaterThan(4);
            assertThat(answer.choices().getFirst().message().content()).contains(PARIS);
            assertThat(answer.usage().orElseThrow().totalTokens()).isEqualTo(whole.totalTokens());
        }
    }

    @Test
    void severalAtATime() {
        List<String> countries = List.of("France", "Iceland", "France", "Iceland", "France");
        List<CompletableFuture<ChatCompletion>> answers =
                countries.stream()
                        .map(country -> question("What is the capital of " + country + "?").build())
                        .map(params -> client.async().chat().completions().create(params))
                        .toList();
        for (int i = 0; i < answers.size(); i++) {
            assertThat(answers.get(i).join().choices().getFirst().message().content().orElseThrow())
                    .contains(countries.get(i).equals("France") ? "Paris" : "Reykjavík");
        }
    }

    @Test
    void callsATool() {
        ChatCompletionCreateParams params =
                question("What is the weather in Berlin?")
                        .addTool(Weather.class)
                        .toolChoice(ChatCompletionToolChoiceOption.Auto.REQUIRED)
                        .logitBias(
                                LogitBias.builder()
                                        .putAdditionalProperty(Served.CALL, JsonValue.from(100))
                                        .build())
                        .build();
        ChatCompletion answer = client.chat().completions().create(params);
        ChatCompletion.Choice choice = answer.choices().getFirst();
        assertThat(choice.finishReason()).isEqualTo(ChatCompletion.Choice.FinishReason.TOOL_CALLS);
        ChatCompletionMessageFunctionToolCall call = call(choice.message());
        assertThat(call.function().name()).isEqualTo("getWeather");
        assertThat(call.function().arguments(Weather.class).city).isNotNull();

        ChatCompletionMessageFunctionToolCall streamed =
                call(stream(params, new ArrayList<>()).choices().getFirst().message());
        assertThat(streamed.function().name()).isEqualTo("getWeather");
        assertThat(streamed.function().arguments(Weather.class).city).isNotNull();

        ChatCompletion last =
                client.chat()
                        .completions()
                        .create(
                                question("What is the weather in Berlin?")
                                        .addTool(Weather.class)
                                        .addMessage(choice.message())
                                        .addMessage(
                                                ChatCompletionToolMessageParam.builder()
                                                        .toolCallId(call.id())
                                                        .content("sunny")
                                                        .build())
                                        .maxCompletionTokens(8)
                                        .build());
        assertThat(last.choices().getFirst().message().content().orElseThrow()).isNotEmpty();
        assertThat(last.usage().orElseThrow().promptTokens())
                .isGreaterThan(answer.usage().orElseThrow().promptTokens() + 10);
    }

    private static ChatCompletionMessageFunctionToolCall call(ChatCompletionMessage message) {
        assertThat(message.toolCalls().orElseThrow()).hasSize(1);
        return message.toolCalls().orElseThrow().getFirst().asFunction();
    }

    @Test
    void answersFollowASchema() {
        Answer answer =
                client.chat()
                        .completions()
                        .create(
                                question("What is the capital of Germany?")
                                        .responseFormat(Answer.class)
                                        .build())
                        .choices()
                        .getFirst()
                        .message()
                        .content()
                        .orElseThrow();
        assertThat(answer.city).isNotNull();
    }

    @Test
    void responses() {
        ResponseCreateParams params =
                ResponseCreateParams.builder()
                        .model(Served.NAME)
                        .temperature(0.0)
                        .maxOutputTokens(100)
                        .input(FRANCE)
                        .build();
        Response answer = client.responses().create(params);
        assertThat(text(answer)).isEqualTo(PARIS);
        assertThat(answer.usage().orElseThrow().outputTokens()).isGreaterThan(4);
        ResponseAccumulator all = ResponseAccumulator.create();
        try (StreamResponse<ResponseStreamEvent> events =
                client.responses().createStreaming(params)) {
            events.stream().forEach(all::accumulate);
        }
        assertThat(text(all.response())).isEqualTo(PARIS);
    }

    private static String text(Response response) {
        return response.output().getFirst().asMessage().content().getFirst().asOutputText().text();
    }

    /** The SDK asks for vectors in base64. */
    @Test
    void embedsAsInThisProcess() {
        List<String> texts = List.of(FRANCE, "Draw a llama.");
        var answer =
                client.embeddings()
                        .create(
                                EmbeddingCreateParams.builder()
                                        .model(Served.NAME)
                                        .inputOfArrayOfStrings(texts)
                                        .build());
        assertThat(answer.usage().promptTokens()).isPositive();
        try (Embedder embedder = Demo.MODEL.newEmbedder()) {
            for (int i = 0; i < texts.size(); i++) {
                float[] expected = embedder.embed(texts.get(i));
                List<Float> vector = answer.data().get(i).embedding();
                assertThat(vector).hasSize(expected.length);
                for (int j = 0; j < expected.length; j++) {
                    assertThat(vector.get(j)).isCloseTo(expected[j], within(0.001f));
                }
            }
        }
    }

    @Test
    void models() {
        assertThat(client.models().list().data()).extracting("id").hasSize(1);
        assertThat(client.models().list().data().getFirst().id()).isEqualTo(Served.NAME);
    }

    @Test
    void errorsAreTheExceptionsOfTheSdk() {
        OpenAIClient stranger = client("wrong");
        assertThatThrownBy(() -> stranger.chat().completions().create(question("Hi").build()))
                .isInstanceOf(UnauthorizedException.class)
                .hasMessageContaining("Invalid API Key");
        stranger.close();
        ChatCompletionCreateParams large = question(Served.TOO_LONG).build();
        assertThatThrownBy(() -> client.chat().completions().create(large))
                .isInstanceOf(BadRequestException.class)
                .hasMessageContaining("exceeds the available context size (1024 tokens)");
        assertThatThrownBy(() -> stream(large, new ArrayList<>()))
                .isInstanceOf(BadRequestException.class)
                .hasMessageContaining("exceeds the available context size (1024 tokens)");
        assertThatThrownBy(() -> client.files().list())
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("404");
        assertThat(
                        client.chat()
                                .completions()
                                .create(question(FRANCE).build())
                                .choices()
                                .getFirst()
                                .message()
                                .content())
                .contains(PARIS);
    }
}
