package io.github.bigllama.core.chat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What was said in a chat, and how much of it the model still sees. Not thread-safe. */
final class History {
    private final List<ChatMessage> messages = new ArrayList<>();
    private Optional<ChatMessage> system;

    /** Messages at the beginning that had to make room. */
    private int forgotten;

    /** Nothing was said but a system message, if there is one. */
    History(Optional<String> system) {
        this.system = system(system);
    }

    private static Optional<ChatMessage> system(Optional<String> text) {
        return text.map(content -> new ChatMessage(Role.SYSTEM, content));
    }

    /** A copy, which goes its own way from here. */
    History copy() {
        History copy = new History(Optional.empty());
        copy.set(all(), forgotten);
        return copy;
    }

    /** Everything, the system message first if there is one. */
    List<ChatMessage> all() {
        return withoutOldest(0, List.of());
    }

    /** The system message, and what comes after the oldest others, and after that what is added. */
    List<ChatMessage> withoutOldest(int count, List<ChatMessage> added) {
        List<ChatMessage> all = new ArrayList<>();
        system.ifPresent(all::add);
        all.addAll(messages.subList(count, messages.size()));
        all.addAll(added);
        return List.copyOf(all);
    }

    /** How many calls of tools there were. */
    int calls() {
        return messages.stream().mapToInt(message -> message.toolCalls().size()).sum();
    }

    /** Has what another one has. */
    void set(History other) {
        set(other.all(), other.forgotten);
    }

    /** Messages without the system message. */
    int size() {
        return messages.size();
    }

    boolean hasSystem() {
        return system.isPresent();
    }

    /** How many of the oldest messages after the system message the model does not see. */
    int forgotten() {
        return forgotten;
    }

    /**
     * How many of the oldest are to be left out if more than so many must be.
     *
     * @return whole turns of them; the same number if there is no other turn
     */
    int nextTurn(int leftOut, List<ChatMessage> added) {
        // Results of tools belong to the question that they are for.
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

    /** Where the last question is; -1 if there is none. */
    private int lastQuestion() {
        int last = messages.size() - 1;
        while (last >= 0 && messages.get(last).role() != Role.USER) {
            last--;
        }
        return last;
    }

    /** It goes on. */
    void add(List<ChatMessage> added, ChatMessage reply, int newForgotten) {
        messages.addAll(added);
        messages.add(reply);
        forgotten = newForgotten;
    }

    /** Takes back the last question and all after it; gives the question, if there is one. */
    Optional<String> undo() {
        int last = lastQuestion();
        if (last < 0) {
            return Optional.empty();
        }
        String question = messages.get(last).content();
        messages.subList(last, messages.size()).clear();
        forgotten = Math.min(forgotten, last);
        return Optional.of(question);
    }

    /** Only the system message stays. */
    void clear() {
        messages.clear();
        forgotten = 0;
    }

    /** Only this system message is there. */
    void begin(Optional<String> newSystem) {
        clear();
        system = system(newSystem);
    }

    /** Replaces it by messages that {@link #all} gave. */
    void set(List<ChatMessage> all, int newForgotten) {
        system = all.stream().filter(message -> message.role() == Role.SYSTEM).findFirst();
        messages.clear();
        messages.addAll(all);
        system.ifPresent(messages::remove);
        forgotten = newForgotten;
    }
}
