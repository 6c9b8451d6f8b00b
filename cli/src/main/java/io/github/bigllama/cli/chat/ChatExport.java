package io.github.bigllama.cli.chat;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.github.bigllama.cli.output.Json;
import io.github.bigllama.core.chat.ChatMessage;
import io.github.bigllama.core.chat.ToolCall;
import java.util.List;
import java.util.stream.Collectors;

/** Exports a conversation as JSON for programs or Markdown for people. */
final class ChatExport {
    private ChatExport() {}

    /** A message in the format of OpenAI's chat API. */
    private record Message(
            String role,
            String content,
            @JsonInclude(JsonInclude.Include.NON_EMPTY) String reasoningContent,
            @JsonInclude(JsonInclude.Include.NON_EMPTY) List<Call> toolCalls,
            @JsonInclude(JsonInclude.Include.NON_EMPTY) String toolCallId) {
        static Message of(ChatMessage message) {
            return new Message(
                    message.role().toString(),
                    message.content(),
                    message.reasoning(),
                    message.toolCalls().stream().map(Call::of).toList(),
                    message.answers().map(ToolCall::id).orElse(""));
        }
    }

    /** A tool call. */
    private record Call(String id, String type, Function function) {
        static Call of(ToolCall call) {
            return new Call(call.id(), "function", new Function(call.name(), call.arguments()));
        }
    }

    /** The name of a tool, and the arguments. */
    private record Function(String name, String arguments) {}

    static String json(List<ChatMessage> messages) {
        return Json.write(messages.stream().map(Message::of).toList());
    }

    static String markdown(List<ChatMessage> messages) {
        return messages.stream().map(ChatExport::markdown).collect(Collectors.joining("\n"));
    }

    private static String markdown(ChatMessage message) {
        StringBuilder text = new StringBuilder("## " + title(message) + "\n");
        if (!message.reasoning().isBlank()) {
            text.append('\n');
            message.reasoning().strip().lines().forEach(line -> text.append("> " + line + "\n"));
        }
        message.media().forEach(media -> text.append("\n![%1$s](%1$s)\n".formatted(media.name())));
        if (!message.content().isEmpty()) {
            text.append("\n" + message.content() + "\n");
        }
        for (ToolCall call : message.toolCalls()) {
            text.append("\n`%s` with `%s`\n".formatted(call.name(), call.arguments()));
        }
        return text.toString();
    }

    private static String title(ChatMessage message) {
        return switch (message.role()) {
            case SYSTEM -> "System";
            case USER -> "You";
            case ASSISTANT -> "Model";
            case TOOL -> "Tool " + message.answers().map(ToolCall::name).orElse("");
        };
    }
}
