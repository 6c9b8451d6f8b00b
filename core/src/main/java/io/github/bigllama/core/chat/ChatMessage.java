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
 * @param role who says it
 * @param content what is said
 * @param reasoning what a model thought before it said that; usually empty
 * @param toolCalls the tools that it wants to have called; usually none
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
                    "message of the " + role + " has a NUL character at " + content.indexOf('\0'));
        }
        if (answers.isPresent() != (role == Role.TOOL)) {
            throw new IllegalArgumentException(
                    "a message of a tool, and no other, has the call that it answers");
        }
    }

    /** A message that is nothing but text. */
    public ChatMessage(Role role, String content) {
        this(role, content, "", List.of(), Optional.empty());
    }

    /** What a call of a tool has given. */
    public static ChatMessage result(ToolCall call, String content) {
        return new ChatMessage(Role.TOOL, content, "", List.of(), Optional.of(call));
    }

    /** A text that a message may have: what C's texts end at is shown as unknown. */
    static String plain(String text) {
        return text.replace('\0', '\uFFFD');
    }

    ChatMessage withToolCalls(List<ToolCall> calls) {
        return new ChatMessage(role, content, reasoning, calls, answers);
    }

    /** What a model has said. */
    static ChatMessage of(Reply reply) {
        return new ChatMessage(
                Role.ASSISTANT,
                reply.content(),
                reply.reasoning(),
                reply.toolCalls(),
                Optional.empty());
    }

    /** As OpenAI's interface has it. */
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
