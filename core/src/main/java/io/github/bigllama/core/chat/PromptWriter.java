package io.github.bigllama.core.chat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.ToolChoice;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.internal.chat.ControlText;
import io.github.bigllama.internal.llama.Json;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Has a template write the messages of a chat, with its tools, and what an answer must be like. */
final class PromptWriter {
    private final ChatTemplate template;
    private final ChatOptions chat;
    private final ControlText control;

    /**
     * What was written.
     *
     * @param isContent whether the answer is content from its first token on, as a grammar of the
     *     caller has it
     */
    record Written(ChatTemplate.Prompt prompt, boolean isContent) {}

    PromptWriter(ChatTemplate template, ChatOptions chat, ControlText control) {
        this.template = template;
        this.chat = chat;
        this.control = control;
    }

    /**
     * Writes.
     *
     * @param now the time that the template is told, in seconds since 1970
     * @throws ChatTemplateException if the template refuses the conversation
     */
    Written write(List<ChatMessage> messages, GenerationOptions options, long now) {
        try {
            return tryToWrite(RequestMessages.of(messages), options, now);
        } catch (ChatTemplateException e) {
            if (!RequestMessages.hasSpecialIds(messages)) {
                throw e;
            }
            return tryToWrite(RequestMessages.withPlainIds(messages), options, now);
        }
    }

    /**
     * A grammar is that of the content, which begins where the template would have reasoning end;
     * but templates may let the model choose between a call and JSON of a schema.
     */
    private Written tryToWrite(List<ChatMessage> messages, GenerationOptions options, long now) {
        ObjectNode request = request(messages, options, now);
        Optional<JsonNode> schema = options.grammar().flatMap(Grammar::schema);
        if (options.grammar().isEmpty() || (schema.isPresent() && !chat.tools().isEmpty())) {
            schema.ifPresent(s -> request.set("json_schema", s));
            ChatTemplate.Prompt written = apply(request);
            boolean isKept =
                    schema.isEmpty()
                            || written.grammar()
                                    .filter(grammar -> grammar.triggers().isEmpty())
                                    .isPresent();
            if (isKept) {
                return new Written(written, false);
            }
            request.remove("json_schema");
        }
        ChatTemplate.Prompt written = apply(request.put("begin_content", true));
        return new Written(written, true);
    }

    private ObjectNode request(List<ChatMessage> messages, GenerationOptions options, long now) {
        ObjectNode request = Json.object();
        ArrayNode array = request.putArray("messages");
        messages.forEach(message -> array.add(message.toJson()));
        List<Tool> offered = offered(options.toolChoice());
        if (!offered.isEmpty()) {
            ArrayNode list = request.putArray("tools");
            offered.forEach(tool -> list.add(tool.toJson()));
            request.put(
                    "tool_choice",
                    switch (options.toolChoice().mode()) {
                        case AUTO -> "auto";
                        case NONE -> "none";
                        case REQUIRED, TOOL -> "required";
                    });
            request.put("parallel_tool_calls", chat.parallelToolCalls());
        }
        return request.put("enable_thinking", options.thinking()).put("now", now);
    }

    private List<Tool> offered(ToolChoice choice) {
        if (chat.tools().isEmpty() && choice.mode() == ToolChoice.Mode.REQUIRED) {
            throw new IllegalArgumentException(
                    "the answer must call a tool, and the chat has none");
        }
        if (choice.mode() != ToolChoice.Mode.TOOL) {
            return chat.tools();
        }
        List<Tool> only =
                chat.tools().stream().filter(tool -> tool.name().equals(choice.tool())).toList();
        if (only.isEmpty()) {
            throw new IllegalArgumentException(
                    "there is no tool %s, only %s"
                            .formatted(
                                    choice.tool(), chat.tools().stream().map(Tool::name).toList()));
        }
        return only;
    }

    /** The prompt keeps its marks; but what the answer must be like must not have any. */
    private ChatTemplate.Prompt apply(ObjectNode request) {
        JsonNode marked = marked(request);
        ChatTemplate.Prompt prompt = template.apply((ObjectNode) marked);
        boolean isAnswerMarked =
                Stream.of("tools", "json_schema")
                        .anyMatch(part -> !marked.path(part).equals(request.path(part)));
        return isAnswerMarked ? template.apply(request).withText(prompt.text()) : prompt;
    }

    /** Every text in it, also names: those of a tool's parameters may come from anywhere. */
    private JsonNode marked(JsonNode node) {
        return switch (node) {
            case ObjectNode object -> {
                ObjectNode all = Json.object();
                object.properties()
                        .forEach(f -> all.set(control.mark(f.getKey()), marked(f.getValue())));
                yield all;
            }
            case ArrayNode array -> {
                ArrayNode all = Json.object().arrayNode();
                array.forEach(element -> all.add(marked(element)));
                yield all;
            }
            case TextNode text -> TextNode.valueOf(control.mark(text.textValue()));
            default -> node;
        };
    }
}
