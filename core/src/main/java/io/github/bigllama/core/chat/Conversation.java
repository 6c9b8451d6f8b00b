package io.github.bigllama.core.chat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.media.Media;
import io.github.bigllama.internal.chat.ControlText;
import io.github.bigllama.internal.chat.Transcript;
import io.github.bigllama.internal.llama.Json;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The conversation of a chat as messages, and as the text and tokens that they became. Not
 * thread-safe.
 */
final class Conversation {
    private static final Reply NOTHING = new Reply("", "", List.of());

    private final ControlText control;
    private final History history;
    private final Transcript transcript;
    private Reply reply = NOTHING;

    /**
     * Templates may write the date; with another date the whole conversation would be a different
     * text.
     */
    private long now = Instant.now().getEpochSecond();

    /** Begins a conversation with a system message, if there is one. */
    Conversation(ControlText control, @Nullable String system) {
        this.control = control;
        history = new History(system);
        transcript = new Transcript(control);
    }

    /** An independent copy. */
    Conversation copy() {
        Conversation copy = new Conversation(control, null);
        copy.history.set(history);
        copy.transcript.set(transcript.text(), transcript.tokens());
        copy.reply = reply;
        copy.now = now;
        return copy;
    }

    History history() {
        return history;
    }

    /** The last reply; before the first, an empty one. */
    Reply reply() {
        return reply;
    }

    /** The time that templates are given, in seconds since 1970. */
    long now() {
        return now;
    }

    /** Whether there are images or sounds, even if the model no longer sees them. */
    boolean hasMedia() {
        return history.all().stream().anyMatch(message -> !message.media().isEmpty());
    }

    /** Encodes a prompt, with the earlier tokens as far as it repeats their text. */
    int[] encode(String prompt) {
        return transcript.encode(prompt);
    }

    /** Appends a turn and its answer. */
    void add(Turn turn, TokenStream answer, String produced, Reply said) {
        reply = said.ended(answer, history.calls());
        history.add(turn.question(), ChatMessage.of(reply), turn.forgotten());
        transcript.set(turn.prompt().text(), turn.tokens());
        transcript.append(answer.tokens(), turn.options().preservedTokens(), produced);
    }

    /** Removes everything but the system message. */
    void clear() {
        history.clear();
        transcript.clear();
        reply = NOTHING;
    }

    /** Forgets the text that messages became, after they have been replaced. */
    void forgetText() {
        transcript.clear();
        reply = NOTHING;
    }

    /** The conversation as it is saved in a session file. */
    JsonNode toJson() {
        ObjectNode node = Json.object();
        ArrayNode messages = node.putArray("messages");
        history.all().forEach(message -> messages.add(message.toJson(Media::name)));
        node.put("forgotten", history.forgotten());
        node.put("now", now);
        node.put("text", transcript.text());
        ArrayNode tokens = node.putArray("tokens");
        for (int token : transcript.tokens()) {
            tokens.add(token);
        }
        return node;
    }

    /** Replaces the conversation by one from {@link #toJson}. */
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
