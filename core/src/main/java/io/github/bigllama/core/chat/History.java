package io.github.bigllama.core.chat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The messages of a chat, and how many of them the model still sees. Not thread-safe. */
final class History {
    private final List<ChatMessage> messages = new ArrayList<>();
    private Optional<ChatMessage> system;

    /** Number of messages after the system message that had to make room. */
    private int forgotten;

    /** A history with only a system message, or empty. */
    History(@Nullable String system) {
        this.system = system(system);
    }

    private static Optional<ChatMessage> system(@Nullable String text) {
        return Optional.ofNullable(text).map(content -> new ChatMessage(Role.SYSTEM, content));
    }

    /** An independent copy. */
    History copy() {
        History copy = new History(null);
        copy.set(all(), forgotten);
        return copy;
    }

    /** All messages, the system message first if there is one. */
    List<ChatMessage> all() {
        return withoutOldest(0, List.of());
    }

    /**
     * The system message, the messages after the {@code count} oldest others, and the added ones.
     */
    List<ChatMessage> withoutOldest(int count, List<ChatMessage> added) {
        List<ChatMessage> all = new ArrayList<>();
        system.ifPresent(all::add);
        all.addAll(messages.subList(count, messages.size()));
        all.addAll(added);
        return List.copyOf(all);
    }

    /** Number of tool calls in the history. */
    int calls() {
        return messages.stream().mapToInt(message -> message.toolCalls().size()).sum();
    }

    /** Replaces this history by another one. */
    void set(History other) {
        set(other.all(), other.forgotten);
    }

    /** Number of messages without the system message. */
    int size() {
        return messages.size();
    }

    boolean hasSystem() {
        return system.isPresent();
    }

    /** Number of oldest messages after the system message that the model does not see. */
    int forgotten() {
        return forgotten;
    }

    /**
     * Number of oldest messages to leave out next, if those left out so far are not enough.
     *
     * @return the end of the next turn; {@code leftOut} itself if there is no further turn
     */
    int nextTurn(int leftOut, List<ChatMessage> added) {
        // Results of tools belong to the turn of their question.
        int most = added.getFirst().role() == Role.TOOL ? lastQuestion() : messages.size();
        if (leftOut >= most) {
            return leftOut;
        }
        int next = leftOut + 1;
        while (next < most && messages.get(next).role() != Role.USER) {
            next++;
        }
        return next;
    }

    /** Index of the last question; -1 if there is none. */
    private int lastQuestion() {
        int last = messages.size() - 1;
        while (last >= 0 && messages.get(last).role() != Role.USER) {
            last--;
        }
        return last;
    }

    /** Appends messages and the reply to them. */
    void add(List<ChatMessage> added, ChatMessage reply, int newForgotten) {
        messages.addAll(added);
        messages.add(reply);
        forgotten = newForgotten;
    }

    /** Removes the last question and everything after it; returns the question, if there is one. */
    Optional<ChatMessage> undo() {
        int last = lastQuestion();
        if (last < 0) {
            return Optional.empty();
        }
        ChatMessage question = messages.get(last);
        messages.subList(last, messages.size()).clear();
        forgotten = Math.min(forgotten, last);
        return Optional.of(question);
    }

    /** Removes everything but the system message. */
    void clear() {
        messages.clear();
        forgotten = 0;
    }

    /** Begins anew with this system message; null for none. */
    void begin(@Nullable String newSystem) {
        clear();
        system = system(newSystem);
    }

    /** Replaces the history by messages that came from {@link #all}. */
    void set(List<ChatMessage> all, int newForgotten) {
        system = all.stream().filter(message -> message.role() == Role.SYSTEM).findFirst();
        messages.clear();
        messages.addAll(all);
        system.ifPresent(messages::remove);
        forgotten = newForgotten;
    }
}
