package io.github.bigllama.core.chat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.internal.chat.ControlText;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.llama.NativeOwner;
import io.github.bigllama.internal.llama.Shim;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Writes a chat as the text that a model was trained on, by its Jinja template. Thread-safe. */
final class ChatTemplate implements AutoCloseable {
    /** For models without a template; most chat models were trained on a form of ChatML. */
    private static final String FALLBACK = "chatml";

    private final NativeHandle handle;
    private final boolean supportsThinking;
    private final boolean supportsTools;

    /**
     * A conversation written by a template.
     *
     * @param text the prompt
     * @param syntax how to read the reply
     * @param grammar the grammar that the reply must follow, if any
     * @param stops texts that end the reply
     * @param shown texts of control tokens that belong to the reply
     */
    record Prompt(
            String text,
            ReplySyntax syntax,
            Optional<Grammar> grammar,
            List<String> stops,
            List<String> shown) {
        Prompt withText(String other) {
            return new Prompt(other, syntax, grammar, stops, shown);
        }
    }

    /**
     * Parses a template.
     *
     * @param source the Jinja source; null for the model's own
     * @throws ChatTemplateException if the source is not a template
     */
    ChatTemplate(LlamaModel model, @Nullable String source) {
        this(NativeOwner.pointerOf(model), source, "", "");
    }

    /**
     * As the other constructor; where there is no model, {@code begin} and {@code end} are the
     * texts of its tokens for the beginning and the end of a sequence.
     */
    ChatTemplate(MemorySegment model, @Nullable String source, String begin, String end) {
        if (source != null) {
            require(source);
        }
        handle =
                new NativeHandle(
                        "chat template",
                        Shim.pointer(
                                ChatTemplateException::new,
                                "cannot read the chat template",
                                (arena, error) ->
                                        llama_h.bigllama_templates_create(
                                                model,
                                                source == null
                                                        ? MemorySegment.NULL
                                                        : arena.allocateFrom(source),
                                                arena.allocateFrom(begin),
                                                arena.allocateFrom(end),
                                                error)),
                        llama_h::bigllama_templates_free);
        JsonNode description = describe(handle.pointer());
        supportsThinking = description.path("supports_thinking").asBoolean();
        supportsTools = description.path("supports_tools").asBoolean();
    }

    /** llama.cpp finds out by applying the template, which the template may refuse. */
    private static JsonNode describe(MemorySegment pointer) {
        try {
            return Json.read(
                    Shim.text(
                            ChatTemplateException::new,
                            "cannot look at the chat template",
                            (arena, error) -> llama_h.bigllama_templates_describe(pointer, error)));
        } catch (ChatTemplateException e) {
            return Json.object();
        }
    }

    private static void require(String source) {
        Shim.requireText(source);
        if (!source.equals(FALLBACK) && !source.contains("{{") && !source.contains("{%")) {
            String line = source.strip().replaceAll("\\s+", " ");
            throw new ChatTemplateException(
                    "'%s' is not a chat template: give its Jinja source, or %s"
                            .formatted(
                                    line.length() <= 60 ? line : line.substring(0, 60) + "…",
                                    FALLBACK));
        }
    }

    /** Whether replies may begin with reasoning, which can be switched off. */
    boolean supportsThinking() {
        return supportsThinking;
    }

    /** Whether prompts tell the model of its tools. */
    boolean supportsTools() {
        return supportsTools;
    }

    /**
     * Writes a conversation as a prompt.
     *
     * @param request in the format that {@code bigllama.h} describes; its texts may have the marks
     *     of {@link ControlText}
     * @throws ChatTemplateException if the template refuses it
     */
    synchronized Prompt apply(ObjectNode request) {
        JsonNode answer =
                Json.read(
                        Shim.text(
                                ChatTemplateException::new,
                                "the model's chat template refuses the conversation",
                                (arena, error) ->
                                        llama_h.bigllama_templates_apply(
                                                handle.pointer(),
                                                arena.allocateFrom(request.toString()),
                                                error)));
        return new Prompt(
                ControlText.withPlainMarks(answer.path("prompt").asText()),
                new ReplySyntax(answer.path("syntax")),
                grammar(answer),
                Json.texts(answer.path("additional_stops")),
                Json.texts(answer.path("preserved_tokens")));
    }

    /** The grammar that the template requires of a reply; empty if there is none. */
    private static Optional<Grammar> grammar(JsonNode applied) {
        String gbnf = applied.path("grammar").asText();
        if (gbnf.isEmpty()) {
            return Optional.empty();
        }
        if (!applied.path("grammar_lazy").asBoolean()) {
            // llama.cpp's reply grammars include the text that the prompt ends with.
            String begun = applied.path("syntax").path("generation_prompt").asText();
            return Optional.of(Grammar.gbnf(gbnf).withPrefill(begun));
        }
        return Optional.of(Grammar.lazy(gbnf, applied.path("grammar_triggers").toString()));
    }

    @Override
    public void close() {
        handle.close();
    }
}
