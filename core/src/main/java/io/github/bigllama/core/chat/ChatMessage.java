package io.github.bigllama.core.chat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.internal.llama.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;

/**
 * One message of a chat.
 *
 * @param role who wrote it
 * @param content the text
 * @param reasoning the model's reasoning before the content; usually empty
 * @param toolCalls the tool calls that the model asks for; usually none
 * @param answers the call whose result this is, with {@link Role#TOOL}
 */
public record ChatMessage(
        Role role,
        String content,
        String reasoning,
        List<ToolCall> toolCalls,
        Optional<ToolCall> answers) {
    public ChatMessage {
        Objects.requireNonNull(role, "role");
        Objects.requireNonNull(reasoning, "reasoning");
        Objects.requireNonNull(content, "content");
        Objects.requireNonNull(answers, "answers");
        toolCalls = List.copyOf(Objects.requireNonNull(toolCalls, "toolCalls"));
        if (content.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(
                    "message of the "
                            + role
                            + " has a NUL character at index "
                            + content.indexOf('\0'));
        }
        if (answers.isPresent() != (role == Role.TOOL)) {
            throw new IllegalArgumentException(
                    "a message of a tool must have the call that it answers, and no other message "
                            + "may");
        }
    }

    /** A message of text only. */
    public ChatMessage(Role role, String content) {
        this(role, content, "", List.of(), Optional.empty());
    }

    /** The result of a tool call. */
    public static ChatMessage result(ToolCall call, String content) {
        return new ChatMessage(Role.TOOL, content, "", List.of(), Optional.of(call));
    }

    /** A text that a message may have: a NUL, which would end a C string, becomes U+FFFD. */
    static String plain(String text) {
        return text.replace('\0', '\uFFFD');
    }

    ChatMessage withToolCalls(List<ToolCall> calls) {
        return new ChatMessage(role, content, reasoning, calls, answers);
    }

    /** The message of a reply. */
    static ChatMessage of(Reply reply) {
        return new ChatMessage(
                Role.ASSISTANT,
                reply.content(),
                reply.reasoning(),
                reply.toolCalls(),
                Optional.empty());
    }

    /** The message as JSON in the format of OpenAI's chat API. */
    JsonNode toJson() {
        ObjectNode node = Json.object().put("role", role.toString()).put("content", content);
        if (!reasoning.isEmpty()) {
            node.put("reasoning_content", reasoning);
        }
        if (!toolCalls.isEmpty()) {
            ArrayNode calls = node.putArray("tool_calls");
            toolCalls.forEach(call -> calls.add(toJson(call)));
        }
        if (answers.isPresent()) {
            node.put("tool_call_id", answers.get().id());
            node.put("name", answers.get().name());
        }
        return node;
    }

    private static JsonNode toJson(ToolCall call) {
        ObjectNode node = Json.object().put("id", call.id()).put("type", "function");
        node.putObject("function").put("name", call.name()).put("arguments", call.arguments());
        return node;
    }

    static ChatMessage of(JsonNode node) {
        Role role = Role.valueOf(node.path("role").asText().toUpperCase(Locale.ROOT));
        List<ToolCall> calls = new ArrayList<>();
        for (JsonNode call : node.path("tool_calls")) {
            JsonNode function = call.path("function");
            calls.add(
                    new ToolCall(
                            call.path("id").asText(),
                            function.path("name").asText(),
                            function.path("arguments").asText()));
        }
        return new ChatMessage(
                role,
                node.path("content").asText(),
                node.path("reasoning_content").asText(),
                calls,
                role == Role.TOOL
                        ? Optional.of(
                                new ToolCall(
                                        node.path("tool_call_id").asText(),
                                        node.path("name").asText(),
                                        "{}"))
                        : Optional.empty());
    }
}
