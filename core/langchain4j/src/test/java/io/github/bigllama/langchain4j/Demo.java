package io.github.bigllama.langchain4j;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
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
                    .parameters(city("Munich", "Berlin"))
                    .build();

    /** ChatML with tools, whose calls are JSON and nothing else. */
    static final String TEMPLATE =
            """
            {%- if tools %}<|im_start|>system
            You may call these functions:
            {%- for tool in tools %}
            {{ tool | tojson }}
            {%- endfor %}
            A call is {"name": <name>, "arguments": <arguments>}<|im_end|>
            {% endif %}
            {%- for message in messages %}<|im_start|>
            {%- if message.role == "tool" %}user
            <tool_response>
            {{ message.content }}
            </tool_response><|im_end|>
            {% else %}{{ message.role }}
            {{ message.content or "" }}
            {%- for call in message.tool_calls or [] %}
            {"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
            {%- endfor %}<|im_end|>
            {% endif %}
            {%- endfor %}
            {%- if add_generation_prompt %}<|im_start|>assistant
            {% endif %}""";

    private Demo() {}

    private static JsonObjectSchema city(String... cities) {
        return JsonObjectSchema.builder()
                .addEnumProperty("city", List.of(cities))
                .required("city")
                .build();
    }

    /** Answers that are JSON with one of these cities. */
    static ResponseFormat cities(String... cities) {
        return ResponseFormat.builder()
                .type(ResponseFormatType.JSON)
                .jsonSchema(JsonSchema.builder().name("Answer").rootElement(city(cities)).build())
                .build();
    }

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
