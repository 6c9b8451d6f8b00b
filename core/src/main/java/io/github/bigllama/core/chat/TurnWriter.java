package io.github.bigllama.core.chat;

import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.internal.chat.ControlText;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Writes the turns of a chat so that they fit into the context. */
final class TurnWriter {
    private final LlamaSession session;
    private final ChatTemplate template;
    private final boolean hasTools;
    private final ControlText control;
    private final PromptWriter writer;

    /**
     * A prompt, and how to read the answer.
     *
     * @param isContent whether the answer is content from its first token on, because the caller
     *     gave a grammar
     */
    private record Prompt(
            ChatTemplate.Prompt written, int[] tokens, int forgotten, boolean isContent) {}

    TurnWriter(LlamaSession session, ChatOptions chat, ControlText control) {
        this.session = session;
        this.control = control;
        hasTools = !chat.tools().isEmpty();
        template = new ChatTemplate(session.model(), chat.template().orElse(null));
        writer = new PromptWriter(template, chat, control);
    }

    private TurnWriter(LlamaSession session, TurnWriter origin) {
        this.session = session;
        template = origin.template;
        hasTools = origin.hasTools;
        control = origin.control;
        writer = origin.writer;
    }

    /** A writer for another session of the model. */
    TurnWriter on(LlamaSession fork) {
        return new TurnWriter(fork, this);
    }

    /**
     * Writes the turn that continues a conversation.
     *
     * @throws ChatTemplateException if the template refuses it
     */
    Turn write(Conversation said, List<ChatMessage> question, GenerationOptions options) {
        Prompt prompt = prompt(said, question, options);
        boolean hasParts =
                !prompt.isContent
                        && (hasTools
                                || template.supportsThinking()
                                || prompt.written.grammar().isPresent());
        return new Turn(
                question,
                prompt.written,
                prompt.tokens,
                prompt.forgotten,
                options(said, prompt, hasParts, options),
                hasParts);
    }

    private GenerationOptions options(
            Conversation said, Prompt prompt, boolean hasParts, GenerationOptions options) {
        List<String> stops =
                Stream.concat(options.stopStrings().stream(), prompt.written.stops().stream())
                        .distinct()
                        .toList();
        Optional<Grammar> grammar = prompt.isContent ? options.grammar() : written(prompt, options);
        GenerationOptions stopping = options.withStopStrings(stops);
        GenerationOptions effective =
                grammar.map(stopping::withGrammar).orElseGet(stopping::withoutGrammar);
        if (hasParts) {
            effective = effective.withPreservedTokens(controlTokens(prompt.written.shown()));
        }
        return options.contextFull() == ContextFull.SHIFT
                ? effective.withKeep(Math.max(options.keep(), head(said).length))
                : effective;
    }

    /** The template's grammar, with the parts of a schema that llama.cpp can't translate. */
    private static Optional<Grammar> written(Prompt prompt, GenerationOptions options) {
        Optional<Grammar> written = prompt.written.grammar();
        return options.grammar().isPresent()
                ? written.map(grammar -> grammar.withSchemaOf(options.grammar().get()))
                : written;
    }

    private Set<Integer> controlTokens(List<String> texts) {
        return texts.stream()
                .map(text -> session.model().tokenizer().encode(text, false, true))
                .filter(tokens -> tokens.length == 1)
                .map(tokens -> tokens[0])
                .collect(Collectors.toSet());
    }

    private Prompt prompt(
            Conversation said, List<ChatMessage> question, GenerationOptions options) {
        int size = session.contextSize();
        Prompt prompt = prompt(said, question, options, said.history().forgotten());
        if (options.contextFull() == ContextFull.STOP
                || cells(prompt) <= size - room(options.maxTokens())) {
            return prompt;
        }
        while (cells(prompt) > size / 2) {
            int next = said.history().nextTurn(prompt.forgotten, question);
            if (next == prompt.forgotten) {
                break;
            }
            prompt = prompt(said, question, options, next);
        }
        return prompt;
    }

    /** The room that a prompt takes in the context. */
    private int cells(Prompt prompt) {
        return session.model()
                .projector()
                .map(projector -> projector.cells(prompt.tokens))
                .orElse(prompt.tokens.length);
    }

    /** Tokens that are left free for an answer. */
    private int room(int maxTokens) {
        int quarter = session.contextSize() / 4;
        return maxTokens == GenerationOptions.UNLIMITED ? quarter : Math.min(maxTokens, quarter);
    }

    private Prompt prompt(
            Conversation said,
            List<ChatMessage> question,
            GenerationOptions options,
            int forgotten) {
        PromptWriter.Written written =
                writer.write(
                        said.history().withoutOldest(forgotten, question), options, said.now());
        return new Prompt(
                written.prompt(),
                said.encode(written.prompt().text()),
                forgotten,
                written.isContent());
    }

    /** The tokens that every prompt begins with: those of the system message. */
    int[] head(Conversation said) {
        int[] one = head(said, "a");
        int mismatch = Arrays.mismatch(one, head(said, "b"));
        return Arrays.copyOf(one, Math.max(0, mismatch));
    }

    private int[] head(Conversation said, String question) {
        List<ChatMessage> messages =
                said.history()
                        .withoutOldest(
                                said.history().size(),
                                List.of(new ChatMessage(Role.USER, question)));
        return control.encodePrompt(
                writer.write(messages, GenerationOptions.defaults(), said.now()).prompt().text());
    }
}
