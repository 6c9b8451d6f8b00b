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
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** Has a template write the messages of a chat, its tools, and the schema of the answer. */
final class PromptWriter {
    private static final System.Logger LOGGER = System.getLogger("io.github.bigllama.tool");

    /** Fields whose values are not texts, but names that llama.cpp and templates know. */
    private static final Set<String> FORM = Set.of("role", "tool_choice", "type");

    /** Fields whose values have names of a user's choice. */
    private static final Set<String> FREE = Set.of("json_schema", "parameters");

    private final ChatTemplate template;
    private final ChatOptions chat;
    private final ControlText control;

    /** Whether it was said that the model does not learn of the tools. */
    private boolean isWarned;

    /**
     * A prompt as the template wrote it.
     *
     * @param isContent whether the answer is content from its first token on, because the caller
     *     gave a grammar
     */
    record Written(ChatTemplate.Prompt prompt, boolean isContent) {}

    PromptWriter(ChatTemplate template, ChatOptions chat, ControlText control) {
        this.template = template;
        this.chat = chat;
        this.control = control;
    }

    /**
     * Writes a prompt.
     *
     * @param now the time that the template is given, in seconds since 1970
     * @throws ChatTemplateException if the template refuses the conversation, or must have the
     *     answer call a tool and has no format for that
     */
    Written write(List<ChatMessage> messages, GenerationOptions options, long now) {
        Written written = writeAny(messages, options, now);
        requireMedia(written, messages.stream().mapToInt(m -> m.media().size()).sum());
        if (!chat.tools().isEmpty() && options.toolChoice().mode() != ToolChoice.Mode.NONE) {
            requireCalls(written, options);
        }
        return written;
    }

    /** Requires that the template has left nothing out. */
    private void requireMedia(Written written, int count) {
        int there = control.markers(written.prompt().text());
        if (there != count) {
            throw new ChatTemplateException(
                    String.format(
                            Locale.ROOT,
                            "the model's chat template writes %d of the %d images and sounds of the conversation; choose another one with ChatOptions.withTemplate",
                            there,
                            count));
        }
    }

    /** Requires that an answer can call tools; llama.cpp ignores them where a template does. */
    private void requireCalls(Written written, GenerationOptions options) {
        boolean isForced = options.toolChoice().mode() != ToolChoice.Mode.AUTO;
        if (isForced && written.isContent()) {
            throw new IllegalArgumentException(
                    "the answer can't both follow a grammar and call a tool; leave out one of them");
        }
        Optional<Grammar> calls = written.prompt().grammar();
        if (isForced && calls.filter(grammar -> grammar.triggers().isEmpty()).isEmpty()) {
            throw new ChatTemplateException(
                    "the answer must call a tool, but the model's chat template "
                            + (calls.isEmpty()
                                    ? "has no format for tool calls"
                                    : "can't force a call")
                            + "; choose another one with ChatOptions.withTemplate, or ToolChoice.AUTO");
        }
        if (!template.supportsTools() && !isWarned) {
            isWarned = true;
            LOGGER.log(
                    Level.WARNING,
                    "the model's chat template does not mention tools, so the model does not learn of "
                            + "them; choose another one with ChatOptions.withTemplate");
        }
    }

    private Written writeAny(List<ChatMessage> messages, GenerationOptions options, long now) {
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
     * A grammar describes the content, which begins where reasoning would end in the template; but
     * with a schema, templates may let the model choose between a tool call and JSON.
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
        messages.forEach(message -> array.add(message.toJson(control::marker)));
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
                    "the answer must call a tool, but the chat has no tools; give it some with "
                            + "ChatOptions.withTools");
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

    /** The prompt keeps its marks, but the grammar made of tools and schemas must not have any. */
    private ChatTemplate.Prompt apply(ObjectNode request) {
        JsonNode marked = marked(request);
        ChatTemplate.Prompt prompt = template.apply((ObjectNode) marked);
        boolean isAnswerMarked =
                Stream.of("tools", "json_schema")
                        .anyMatch(part -> !marked.path(part).equals(request.path(part)));
        return isAnswerMarked ? template.apply(request).withText(prompt.text()) : prompt;
    }

    private static boolean isMarker(ObjectNode node) {
        return node.path("type").asText().equals(ChatMessage.MARKER)
                && ControlText.isMarker(node.path("text").asText());
    }

    /**
     * Marks every text of a user in JSON, including the names in a tool's parameters, which may
     * come from anywhere. What the form of a request asks for stays as it is, even if the
     * vocabulary has control tokens that are called so.
     */
    private JsonNode marked(JsonNode node) {
        return marked(node, false);
    }

    private JsonNode marked(JsonNode node, boolean isFree) {
        if (node instanceof ObjectNode object && isMarker(object)) {
            return object;
        }
        return switch (node) {
            case ObjectNode object -> {
                ObjectNode all = Json.object();
                for (Map.Entry<String, JsonNode> field : object.properties()) {
                    String name = field.getKey();
                    JsonNode value = field.getValue();
                    boolean isForm = !isFree && FORM.contains(name);
                    all.set(
                            isFree ? control.mark(name) : name,
                            isForm ? value : marked(value, isFree || FREE.contains(name)));
                }
                yield all;
            }
            case ArrayNode array -> {
                ArrayNode all = Json.object().arrayNode();
                array.forEach(element -> all.add(marked(element, isFree)));
                yield all;
            }
            case TextNode text -> TextNode.valueOf(control.mark(text.textValue()));
            default -> node;
        };
    }
}
