package io.github.bigllama.langchain4j;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.option.SessionOptions;
import java.nio.file.Path;
import java.util.List;

/** The demo model, loaded once. It knows capitals and little else. */
final class Demo {
    static final LlamaModel MODEL =
            LlamaModel.load(Path.of(System.getProperty("bigllama.demo.model")));

    static final ChatRequestParameters GREEDY =
            ChatRequestParameters.builder().temperature(0.0).build();

    private static final SessionOptions SMALL =
            SessionOptions.defaults().withContextSize(1024).withThreads(1, 2);

    static final ToolSpecification WEATHER =
            ToolSpecification.builder()
                    .name("getWeather")
                    .description("The weather")
                    .parameters(
                            JsonObjectSchema.builder()
                                    .addEnumProperty("city", List.of("Munich", "Berlin"))
                                    .required("city")
                                    .build())
                    .build();

    private Demo() {}

    static BigllamaChatModel.Builder chat() {
        return BigllamaChatModel.builder()
                .model(MODEL)
                .sessionOptions(SMALL)
                .defaultRequestParameters(GREEDY);
    }

    static BigllamaStreamingChatModel.Builder streaming() {
        return BigllamaStreamingChatModel.builder()
                .model(MODEL)
                .sessionOptions(SMALL)
                .defaultRequestParameters(GREEDY);
    }
}
