package io.github.bigllama.cli;

import io.github.bigllama.core.ChatMessage;
import io.github.bigllama.core.Role;
import java.util.List;
import java.util.stream.Collectors;

/** A conversation for other programs and for people. */
final class ChatExport {
    private ChatExport() {}

    /** A message, as JSON has it. */
    private record Message(String role, String content) {}

    static String json(List<ChatMessage> messages) {
        return Json.write(
                messages.stream()
                        .map(message -> new Message(message.role().toString(), message.content()))
                        .toList());
    }

    static String markdown(List<ChatMessage> messages) {
        return messages.stream()
                .map(message -> "## " + title(message.role()) + "\n\n" + message.content() + "\n")
                .collect(Collectors.joining("\n"));
    }

    private static String title(Role role) {
        return switch (role) {
            case SYSTEM -> "System";
            case USER -> "You";
            case ASSISTANT -> "Model";
            case TOOL -> "Tool";
        };
    }
}
