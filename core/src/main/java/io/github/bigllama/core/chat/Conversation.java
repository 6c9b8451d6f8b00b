package io.github.bigllama.core.chat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.internal.chat.ControlText;
import io.github.bigllama.internal.chat.Transcript;
import io.github.bigllama.internal.llama.Json;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What was said in a chat: as messages, and as the text and tokens that they became. Not
 * thread-safe.
 */
final class Conversation {
    private static final Reply NOTHING = new Reply("", "", List.of());

    private final ControlText control;
    private final History history;
    private final Transcript transcript;
    private Reply reply = NOTHING;

    /** Templates write the date; another one would make the whole conversation another text. */
    private long now = Instant.now().getEpochSecond();

    /** Nothing was said but a system message, if there is one. */
    Conversation(ControlText control, Optional<String> system) {
        this.control = control;
        history = new History(system);
        transcript = new Transcript(control);
    }

    /** A copy, which goes its own way from here. */
    Conversation copy() {
        Conversation copy = new Conversation(control, Optional.empty());
        copy.history.set(history);
        copy.transcript.set(transcript.text(), transcript.tokens());
        copy.reply = reply;
        copy.now = now;
        return copy;
    }

    History history() {
        return history;
    }

    /** The last reply; one of nothing before the first. */
    Reply reply() {
        return reply;
    }

    /** The time that templates are told, in seconds since 1970. */
    long now() {
        return now;
    }

    /** A prompt as tokens: those that it became before, as far as it repeats them. */
    int[] encode(String prompt) {
        return transcript.encode(prompt);
    }

    /** Goes on with a turn and its answer. */
    void add(Turn turn, TokenStream answer, String produced, Reply said) {
        reply = said.ended(answer, history.calls());
        history.add(turn.question(), ChatMessage.of(reply), turn.forgotten());
        transcript.set(turn.prompt().text(), turn.tokens());
        transcript.append(answer.tokens(), turn.options().preservedTokens(), produced);
    }

    /** Only the system message stays. */
    void clear() {
        history.clear();
        transcript.clear();
        reply = NOTHING;
    }

    /** As it is kept in a session file. */
    JsonNode toJson() {
        ObjectNode node = Json.object();
        ArrayNode messages = node.putArray("messages");
        history.all().forEach(message -> messages.add(message.toJson()));
        node.put("forgotten", history.forgotten());
        node.put("now", now);
        node.put("text", transcript.text());
        ArrayNode tokens = node.putArray("tokens");
        for (int token : transcript.tokens()) {
            tokens.add(token);
        }
        return node;
    }

    /** Replaces it by one that {@link #toJson} gave. */
    void restore(JsonNode node) {
        List<ChatMessage> messages = new ArrayList<>();
        node.path("messages").forEach(message -> messages.add(ChatMessage.of(message)));
        history.set(messages, node.path("forgotten").asInt());
        now = node.path("now").asLong();
        reply = NOTHING;
        JsonNode tokens = node.path("tokens");
        int[] ids = new int[tokens.size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = tokens.get(i).asInt();
        }
        transcript.set(node.path("text").asText(), ids);
    }
}
