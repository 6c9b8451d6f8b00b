package io.github.bigllama.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.response.ChatResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What LangChain4j's tests can't ask of the demo model, by other means. */
@Timeout(60)
class BigllamaModelsTest {
    /** The toy does not call tools, so the calls are made up. */
    @Test
    void resultsOfToolsAreTaken() {
        ToolExecutionRequest call =
                ToolExecutionRequest.builder()
                        .id("call12345")
                        .name("getWeather")
                        .arguments("{\"city\": \"Munich\"}")
                        .build();
        UserMessage question = UserMessage.from("What is the weather in Munich?");
        try (BigllamaChatModel model =
                Demo.chat()
                        .chatTemplate(Demo.TEMPLATE)
                        .toolSpecifications(List.of(Demo.WEATHER))
                        .maxOutputTokens(8)
                        .build()) {
            int before = model.chat(question).tokenUsage().inputTokenCount();
            ChatResponse answer =
                    model.chat(
                            question,
                            AiMessage.from(call),
                            ToolExecutionResultMessage.from(call, "sunny"));
            assertThat(answer.aiMessage().text()).isNotNull();
            assertThat(answer.tokenUsage().inputTokenCount()).isGreaterThan(before + 10);
        }
    }

    @Test
    void answersFollowASchema() {
        ResponseFormat format = Demo.cities("Berlin", "Bonn");
        try (BigllamaChatModel model = Demo.chat().responseFormat(format).build()) {
            assertThat(model.chat("What is the capital of Germany?"))
                    .matches("\\{\\s*\"city\":\\s*\"(Berlin|Bonn)\"\\s*}");
        }
    }

    @Test
    void theConversationIsThatOfTheRequest() {
        try (BigllamaChatModel model = Demo.chat().build()) {
            UserMessage name = UserMessage.from("My name is Greta.");
            AiMessage greeting = AiMessage.from("Nice to meet you, Greta!");
            UserMessage question = UserMessage.from("What is my name?");
            for (int i = 0; i < 2; i++) {
                assertThat(model.chat(name, greeting, question).aiMessage().text())
                        .isEqualTo("Your name is Greta.");
                assertThat(model.chat(question).aiMessage().text())
                        .isEqualTo("I do not know your name yet.");
            }
            assertThatThrownBy(() -> model.chat(name, greeting))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("last message");
            assertThat(
                            model.chat(SystemMessage.from("Be brief."), name, greeting, question)
                                    .tokenUsage()
                                    .inputTokenCount())
                    .isGreaterThan(model.chat(question).tokenUsage().inputTokenCount());
        }
    }

    @Test
    void severalAnswersAtATime() {
        try (BigllamaChatModel model = Demo.chat().parallel(3).build()) {
            List<CompletableFuture<String>> answers = new ArrayList<>();
            for (int i = 0; i < 9; i++) {
                String country = i % 2 == 0 ? "France" : "Iceland";
                answers.add(
                        CompletableFuture.supplyAsync(
                                () -> model.chat("What is the capital of " + country + "?")));
            }
            for (int i = 0; i < 9; i++) {
                assertThat(answers.get(i).join()).contains(i % 2 == 0 ? "Paris" : "Reykjavík");
            }
        }
    }

    /** Those that began are answered, and the others refused. */
    @Test
    void closingWaitsForAnswers() {
        BigllamaChatModel model = Demo.chat().parallel(2).build();
        List<CompletableFuture<String>> answers = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            answers.add(
                    CompletableFuture.supplyAsync(
                            () -> {
                                try {
                                    return model.chat("What is the capital of France?");
                                } catch (IllegalStateException e) {
                                    return "closed";
                                }
                            }));
        }
        String first = answers.getFirst().join();
        model.close();
        model.close();
        assertThat(first).contains("Paris");
        for (CompletableFuture<String> answer : answers) {
            assertThat(answer.join()).matches(".*Paris.*|closed");
        }
        assertThatThrownBy(() -> model.chat("What is the capital of France?"))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> Demo.chat().parallel(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("parallel is 0");
    }

    @Test
    void tokensAreCounted() {
        BigllamaTokenCountEstimator estimator = new BigllamaTokenCountEstimator(Demo.MODEL);
        int text = estimator.estimateTokenCountInText("What is the capital of France?");
        assertThat(text)
                .isEqualTo(
                        Demo.MODEL
                                .tokenizer()
                                .encode("What is the capital of France?", false, false)
                                .length);
        List<dev.langchain4j.data.message.ChatMessage> messages =
                List.of(
                        SystemMessage.from("Be brief."),
                        UserMessage.from("What is the capital of France?"));
        try (BigllamaChatModel model = Demo.chat().build()) {
            int exact = model.chat(messages).tokenUsage().inputTokenCount();
            assertThat(estimator.estimateTokenCountInMessages(messages))
                    .isBetween(exact - 6, exact + 6);
        }
    }
}
