package io.github.bigllama.core.chat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.internal.llama.Json;
import java.util.ArrayList;
import java.util.List;

/**
 * A chat as it is saved in a session file.
 *
 * @param messages all of them, the system message first
 * @param forgotten number of messages after the system message that the model does not see
 * @param now the time that templates are given, in seconds since 1970
 * @param transcript the text of the conversation and its tokens
 */
record SavedChat(List<ChatMessage> messages, int forgotten, long now, Transcript transcript) {
    JsonNode toJson() {
        ObjectNode node = Json.object();
        ArrayNode array = node.putArray("messages");
        messages.forEach(message -> array.add(message.toJson()));
        node.put("forgotten", forgotten);
        node.put("now", now);
        node.put("text", transcript.text());
        ArrayNode tokens = node.putArray("tokens");
        for (int token : transcript.tokens()) {
            tokens.add(token);
        }
        return node;
    }

    static SavedChat of(JsonNode node, ControlText control) {
        List<ChatMessage> messages = new ArrayList<>();
        for (JsonNode message : node.path("messages")) {
            messages.add(ChatMessage.of(message));
        }
        Transcript transcript = new Transcript(control);
        JsonNode tokens = node.path("tokens");
        int[] ids = new int[tokens.size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = tokens.get(i).asInt();
        }
        transcript.set(node.path("text").asText(), ids);
        return new SavedChat(
                messages, node.path("forgotten").asInt(), node.path("now").asLong(), transcript);
    }
}
