package io.github.bigllama.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import io.github.bigllama.core.chat.ChatMessage;
import io.github.bigllama.core.chat.Role;
import io.github.bigllama.core.chat.ToolCall;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** Converts LangChain4j's messages. */
final class Messages {
    private Messages() {}

    /**
     * The messages of a request; system messages become one, which is first.
     *
     * @throws UnsupportedFeatureException for content that the model does not take
     */
    static List<ChatMessage> of(
            List<dev.langchain4j.data.message.ChatMessage> messages, Contents contents) {
        List<String> system = new ArrayList<>();
        List<ChatMessage> all = new ArrayList<>();
        Map<String, ToolCall> calls = new HashMap<>();
        for (dev.langchain4j.data.message.ChatMessage message : messages) {
            switch (message) {
                case SystemMessage m -> system.add(m.text());
                case UserMessage m -> all.add(new ChatMessage(Role.USER, contents.of(m)));
                case AiMessage m -> all.add(assistant(m, calls));
                case ToolExecutionResultMessage m -> all.add(result(m, calls));
                default ->
                        throw new UnsupportedFeatureException(
                                "messages of type " + message.type() + " are not supported");
            }
        }
        if (!system.isEmpty()) {
            all.addFirst(new ChatMessage(Role.SYSTEM, String.join("\n\n", system)));
        }
        return all;
    }

    private static ChatMessage assistant(AiMessage message, Map<String, ToolCall> calls) {
        List<ToolCall> own = new ArrayList<>();
        for (ToolExecutionRequest request : message.toolExecutionRequests()) {
            ToolCall call =
                    new ToolCall(
                            Objects.toString(request.id(), ""),
                            request.name(),
                            Objects.toString(request.arguments(), "{}"));
            own.add(call);
            calls.put(call.id() + "\0" + call.name(), call);
        }
        return new ChatMessage(
                Role.ASSISTANT,
                Objects.toString(message.text(), ""),
                Objects.toString(message.thinking(), ""),
                own,
                Optional.empty());
    }

    private static ChatMessage result(
            ToolExecutionResultMessage message, Map<String, ToolCall> calls) {
        String id = Objects.toString(message.id(), "");
        ToolCall asked =
                calls.getOrDefault(
                        id + "\0" + message.toolName(), new ToolCall(id, message.toolName(), "{}"));
        return ChatMessage.result(asked, message.text());
    }
}
