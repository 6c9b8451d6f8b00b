package io.github.bigllama.langchain4j;

import static io.github.bigllama.langchain4j.Served.FRANCE;
import static io.github.bigllama.langchain4j.Served.PARIS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.model.output.FinishReason;
import io.github.bigllama.core.Embedder;
import io.github.bigllama.core.LlamaServer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** LangChain4j's models for OpenAI as clients of {@link LlamaServer}. */
@Timeout(120)
class OpenAiModelsTest {
    private static final String CITY = "\\{\\s*\"city\"\\s*:\\s*\"(Munich|Berlin)\"\\s*}";

    private static LlamaServer server;

    @BeforeAll
    static void start(@TempDir Path folder) throws Exception {
        server = Served.start(folder);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static OpenAiChatModel.OpenAiChatModelBuilder chat() {
        return OpenAiChatModel.builder()
                .baseUrl(Served.url(server))
                .apiKey(Served.KEY)
                .modelName(Served.NAME)
                .temperature(0.0)
                .maxTokens(100)
                .strictTools(true)
                .strictJsonSchema(true)
                .maxRetries(0);
    }

    private static OpenAiStreamingChatModel.OpenAiStreamingChatModelBuilder streaming() {
        return OpenAiStreamingChatModel.builder()
                .baseUrl(Served.url(server))
                .apiKey(Served.KEY)
                .modelName(Served.NAME)
                .temperature(0.0)
                .maxTokens(100);
    }

    /** The whole response; pieces are added to the list. */
    private static ChatResponse stream(
            OpenAiStreamingChatModel model, ChatRequest request, List<String> pieces) {
        CompletableFuture<ChatResponse> whole = new CompletableFuture<>();
        model.chat(
                request,
                new StreamingChatResponseHandler() {
                    @Override
                    public void onPartialResponse(String piece) {
                        pieces.add(piece);
                    }

                    @Override
                    public void onCompleteResponse(ChatResponse response) {
                        whole.complete(response);
                    }

                    @Override
                    public void onError(Throwable error) {
                        whole.completeExceptionally(error);
                    }
                });
        return whole.join();
    }

    @Test
    void answersAndStreamsTheSame() {
        ChatRequest request = ChatRequest.builder().messages(UserMessage.from(FRANCE)).build();
        ChatResponse answer = chat().build().chat(request);
        assertThat(answer.aiMessage().text()).isEqualTo(PARIS);
        assertThat(answer.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(answer.tokenUsage().outputTokenCount()).isGreaterThan(4);
        OpenAiStreamingChatModel model = streaming().build();
        for (int i = 0; i < 3; i++) {
            List<String> pieces = new ArrayList<>();
            ChatResponse streamed = stream(model, request, pieces);
            assertThat(streamed.aiMessage().text()).isEqualTo(PARIS);
            assertThat(String.join("", pieces)).isEqualTo(PARIS);
            assertThat(pieces).hasSizeGreaterThan(4);
            assertThat(streamed.finishReason()).isEqualTo(FinishReason.STOP);
            assertThat(streamed.tokenUsage().totalTokenCount())
                    .isEqualTo(answer.tokenUsage().totalTokenCount());
        }
        ChatResponse cut = chat().maxTokens(3).build().chat(request);
        assertThat(cut.finishReason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void callsATool() {
        UserMessage question = UserMessage.from("What is the weather in Berlin?");
        ChatRequest request =
                ChatRequest.builder()
                        .messages(question)
                        .toolSpecifications(Demo.WEATHER)
                        .toolChoice(ToolChoice.REQUIRED)
                        .build();
        ChatModel model = chat().logitBias(Map.of(Served.CALL, 100)).build();
        ChatResponse answer = model.chat(request);
        assertThat(answer.finishReason()).isEqualTo(FinishReason.TOOL_EXECUTION);
        ToolExecutionRequest call = answer.aiMessage().toolExecutionRequests().getFirst();
        assertThat(call.name()).isEqualTo(Demo.WEATHER.name());
        assertThat(call.arguments()).matches(CITY);
        ChatResponse streamed =
                stream(
                        streaming().logitBias(Map.of(Served.CALL, 100)).build(),
                        request,
                        new ArrayList<>());
        assertThat(streamed.aiMessage().toolExecutionRequests()).hasSize(1);
        assertThat(streamed.aiMessage().toolExecutionRequests().getFirst().arguments())
                .matches(CITY);

        ChatResponse last =
                chat().maxTokens(8)
                        .build()
                        .chat(
                                ChatRequest.builder()
                                        .messages(
                                                question,
                                                answer.aiMessage(),
                                                ToolExecutionResultMessage.from(call, "sunny"))
                                        .toolSpecifications(Demo.WEATHER)
                                        .build());
        assertThat(last.aiMessage().text()).isNotEmpty();
        assertThat(last.tokenUsage().inputTokenCount())
                .isGreaterThan(answer.tokenUsage().inputTokenCount() + 10);
    }

    @Test
    void answersFollowASchema() {
        ResponseFormat format = Demo.cities("Berlin", "Munich");
        assertThat(chat().responseFormat(format).build().chat("What is the capital of Germany?"))
                .matches(CITY);
    }

    @Test
    void embedsAsInThisProcess() {
        float[] vector =
                OpenAiEmbeddingModel.builder()
                        .baseUrl(Served.url(server))
                        .apiKey(Served.KEY)
                        .modelName(Served.NAME)
                        .maxRetries(0)
                        .build()
                        .embed(FRANCE)
                        .content()
                        .vector();
        try (Embedder embedder = Demo.MODEL.newEmbedder()) {
            float[] expected = embedder.embed(FRANCE);
            assertThat(vector).hasSameSizeAs(expected).containsExactly(expected, within(0.001f));
        }
    }

    @Test
    void errorsAreTheExceptionsOfLangChain4j() {
        assertThatThrownBy(() -> chat().apiKey("wrong").build().chat(FRANCE))
                .isInstanceOf(AuthenticationException.class)
                .hasMessageContaining("Invalid API Key");
        assertThatThrownBy(() -> chat().build().chat(Served.TOO_LONG))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("exceeds the available context size (1024 tokens)");
        ChatRequest large =
                ChatRequest.builder().messages(UserMessage.from(Served.TOO_LONG)).build();
        assertThatThrownBy(() -> stream(streaming().build(), large, new ArrayList<>()))
                .hasCauseInstanceOf(InvalidRequestException.class);
        assertThatThrownBy(
                        () -> chat().baseUrl(Served.url(server) + "/nosuch").build().chat(FRANCE))
                .isInstanceOf(ModelNotFoundException.class);
        assertThat(chat().build().chat(FRANCE)).isEqualTo(PARIS);
    }
}
