package io.github.bigllama.core.chat;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Messages as templates want them: each tool call has an id and exactly one result. Templates
 * refuse anything else, and a chat must always be able to continue.
 */
final class RequestMessages {
    private RequestMessages() {}

    /** Leaves out calls without a result, and fills in missing ids. */
    static List<ChatMessage> of(List<ChatMessage> messages) {
        return of(messages, false);
    }

    /** As {@link #of}, with ids of nine letters and digits, which some templates insist on. */
    static List<ChatMessage> withPlainIds(List<ChatMessage> messages) {
        return of(messages, true);
    }

    /** Whether a template might refuse the ids. */
    static boolean hasSpecialIds(List<ChatMessage> messages) {
        return messages.stream()
                .flatMap(message -> message.toolCalls().stream())
                .anyMatch(call -> !call.id().matches("[A-Za-z0-9]{9}"));
    }

    /** The id of the call with this number, from 0. */
    static String id(int number) {
        return String.format(Locale.ROOT, "call%05d", number % 100_000);
    }

    private static List<ChatMessage> of(List<ChatMessage> messages, boolean isPlain) {
        List<ChatMessage> all = new ArrayList<>();
        int number = 0;
        for (int i = 0; i < messages.size(); ) {
            ChatMessage message = messages.get(i++);
            if (message.toolCalls().isEmpty()) {
                all.add(message);
                continue;
            }
            List<ChatMessage> results = new ArrayList<>();
            while (i < messages.size() && messages.get(i).role() == Role.TOOL) {
                results.add(messages.get(i++));
            }
            List<ToolCall> calls = new ArrayList<>();
            List<ChatMessage> answers = new ArrayList<>();
            for (ToolCall call : message.toolCalls()) {
                Optional<ChatMessage> result = take(results, call);
                if (result.isPresent()) {
                    ToolCall named =
                            isPlain || call.id().isEmpty() ? call.withId(id(number)) : call;
                    calls.add(named);
                    answers.add(ChatMessage.result(named, result.get().content()));
                }
                number++;
            }
            all.add(message.withToolCalls(calls));
            all.addAll(answers);
            all.addAll(results);
        }
        return all;
    }

    private static Optional<ChatMessage> take(List<ChatMessage> results, ToolCall call) {
        for (ChatMessage result : results) {
            ToolCall answered = result.answers().orElseThrow();
            if (answered.id().equals(call.id()) && answered.name().equals(call.name())) {
                results.remove(result);
                return Optional.of(result);
            }
        }
        return Optional.empty();
    }
}
