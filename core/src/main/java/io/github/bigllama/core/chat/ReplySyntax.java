package io.github.bigllama.core.chat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.internal.llama.Shim;
import java.util.ArrayList;
import java.util.List;

/** How a model writes its replies: where reasoning ends, and what a tool call looks like. */
final class ReplySyntax {
    private final String json;
    private final String generationPrompt;

    /** A template's description of its replies; see {@code bigllama.h}. */
    ReplySyntax(JsonNode syntax) {
        json = syntax.toString();
        generationPrompt = syntax.path("generation_prompt").asText();
    }

    /** The beginning of the reply that the template has written already. */
    String generationPrompt() {
        return generationPrompt;
    }

    /**
     * Takes a reply apart.
     *
     * @param partial whether the reply will grow
     * @throws ChatTemplateException if the reply does not follow this syntax
     */
    Reply parse(String text, boolean partial) {
        Shim.requireText(text);
        JsonNode message =
                Json.read(
                        Shim.text(
                                ChatTemplateException::new,
                                "cannot parse the reply by the model's chat template",
                                (arena, error) ->
                                        llama_h.bigllama_reply_parse(
                                                arena.allocateFrom(json),
                                                arena.allocateFrom(text),
                                                partial ? 1 : 0,
                                                error)));
        List<ToolCall> calls = new ArrayList<>();
        for (JsonNode call : message.path("tool_calls")) {
            calls.add(
                    new ToolCall(
                            call.path("id").asText(),
                            call.path("name").asText(),
                            call.path("arguments").asText()));
        }
        return new Reply(
                message.path("content").asText(),
                message.path("reasoning_content").asText(),
                calls);
    }
}
