package io.github.bigllama.core.chat;

import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.ToolChoice;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.internal.llama.Json;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A conversation in turns, written with the model's chat template. Each turn computes only what is
 * new: the KV cache of the session keeps the rest.
 *
 * <p>The thread rules are those of {@link LlamaSession}. The session that a chat is made with
 * belongs to the caller, who closes it; use it for one chat at a time. That of a {@linkplain
 * #fork() fork} belongs to the fork, and is closed with it.
 *
 * <p>A {@link TokenStream} of a chat shows the content of the reply, without reasoning and tool
 * calls. If it is closed or cancelled, the part said so far is in the history. A turn that fails,
 * or is cancelled before its first token, leaves the history unchanged.
 */
public final class Chat implements AutoCloseable {
    private static final Reply NOTHING = new Reply("", "", List.of());

    private final LlamaSession session;
    private final boolean ownsSession;
    private final ChatTemplate template;
    private final ChatOptions options;
    private final List<Tool> tools;
    private final ControlText control;
    private final PromptWriter writer;
    private final History history;
    private final Transcript transcript;
    private Reply reply = NOTHING;

    /**
     * Templates may write the date; with another date the whole conversation would be a different
     * text.
     */
    private long now = Instant.now().getEpochSecond();

    /**
     * The prompt of the next turn, and the number of messages that it leaves out.
     *
     * @param isContent whether the answer is content from its first token on, because the caller
     *     gave a grammar
     */
    private record Prompt(
            ChatTemplate.Prompt written, int[] tokens, int forgotten, boolean isContent) {}

    /** A chat without a system message; see {@link #Chat(LlamaSession, ChatOptions)}. */
    public Chat(LlamaSession session) {
        this(session, ChatOptions.defaults());
    }

    /**
     * Begins a chat.
     *
     * @throws ChatTemplateException if llama.cpp can't parse the template
     */
    public Chat(LlamaSession session, ChatOptions options) {
        this.session = Objects.requireNonNull(session, "session");
        this.ownsSession = false;
        this.options = Objects.requireNonNull(options, "options");
        this.control = new ControlText(session.model().tokenizer(), options.parseSpecial());
        this.transcript = new Transcript(control);
        this.history = new History(options.system());
        this.tools = options.tools();
        this.template = new ChatTemplate(session.model(), options.template());
        this.writer = new PromptWriter(template, options, control);
    }

    private Chat(LlamaSession session, Chat origin) {
        this.session = session;
        ownsSession = true;
        options = origin.options;
        control = origin.control;
        transcript = new Transcript(control);
        transcript.set(origin.transcript.text(), origin.transcript.tokens());
        history = origin.history.copy();
        tools = origin.tools;
        template = origin.template;
        writer = origin.writer;
        reply = origin.reply;
        now = origin.now;
    }

    /**
     * A new chat that continues from everything said in this one, on a {@linkplain
     * LlamaSession#fork() fork} of the session, which closing the new chat closes.
     *
     * @throws IllegalStateException if all sequences of the context are in use
     */
    public Chat fork() {
        return new Chat(session.fork(), this);
    }

    /** The session that this chat uses. */
    public LlamaSession session() {
        return session;
    }

    /** The messages so far, the system message first if there is one. */
    public List<ChatMessage> messages() {
        return history.all();
    }

    /**
     * Number of messages that the model no longer sees because the context was full: the oldest
     * ones after the system message.
     */
    public int forgottenMessages() {
        return history.forgotten();
    }

    /** The tools that the model may call. */
    public List<Tool> tools() {
        return tools;
    }

    /** The last reply as a whole; before the first, an empty one. */
    public Reply reply() {
        return reply;
    }

    /**
     * Sends a user message with the default options; see {@link #send(String, GenerationOptions)}.
     */
    public TokenStream send(String text) {
        return send(text, GenerationOptions.defaults());
    }

    /** Sends a user message; see {@link #send(List, GenerationOptions)}. */
    public TokenStream send(String text, GenerationOptions options) {
        return send(question(text), options);
    }

    /**
     * Sends messages and returns the answer, which must be read to its end or closed before the
     * next turn. Tools are not called: {@link #reply()} has the calls that the model asks for, and
     * {@link #results} makes them.
     *
     * <p>An answer with a grammar is content from its first token on: the model does not reason
     * before it, and calls no tools. Only with a JSON schema, and a template that allows both, may
     * the model call tools instead.
     *
     * <p>With {@link ContextFull#SHIFT} the oldest turns are left out once the conversation does
     * not fit: enough of them that half of the context is free, so that this happens seldom. {@link
     * #messages()} still has them.
     *
     * @param messages a question, or the results of tools
     * @throws PromptTooLongException if the conversation has outgrown the context, or with {@link
     *     ContextFull#SHIFT} the question alone has; the history is unchanged
     * @throws ChatTemplateException if the template refuses the conversation
     */
    public TokenStream send(List<ChatMessage> messages, GenerationOptions options) {
        return send(messages, options, () -> {});
    }

    /**
     * Answers the last question again. The new answer replaces the old one, and everything after
     * it, once it has its first token; until then the history is unchanged.
     *
     * @return the answer; empty if there is no question
     */
    public Optional<TokenStream> retry(GenerationOptions options) {
        Objects.requireNonNull(options, "options");
        History before = history.copy();
        Optional<String> question = history.undo();
        try {
            return question.map(text -> send(question(text), options, () -> history.set(before)));
        } catch (RuntimeException e) {
            history.set(before);
            throw e;
        }
    }

    private TokenStream send(
            List<ChatMessage> messages, GenerationOptions options, Runnable onNothing) {
        Objects.requireNonNull(messages, "messages");
        Objects.requireNonNull(options, "options");
        Prompt prompt = prompt(messages, options);
        ReplyReader reader = new ReplyReader(prompt.written.syntax(), options.reasoning());
        GenerationOptions effective = effective(prompt, options);
        TokenStream source = session.generate(prompt.tokens, effective);
        boolean isParsed = isParsed(prompt);
        return new ChatAnswer(
                source,
                isParsed ? reader : new PlainReader(),
                (ended, produced) -> {
                    Reply said = isParsed ? reader.reply() : new Reply(produced, "", List.of());
                    if (isNothing(ended)) {
                        onNothing.run();
                    } else {
                        Optional<String> marked =
                                control.written(
                                        ended.tokens(), effective.preservedTokens(), produced);
                        remember(
                                messages,
                                prompt,
                                ended.tokens(),
                                marked,
                                said.ended(ended, history.calls()));
                    }
                });
    }

    /**
     * Sends a user message and waits for the reply. If the model asks for tools, they are called
     * and it continues, up to {@link ChatOptions#toolRounds} times; a reply that still asks for
     * tools is returned as it is. A forced {@link GenerationOptions#toolChoice} applies to the
     * first answer only.
     *
     * @throws java.util.concurrent.CancellationException if the thread is interrupted while a tool
     *     is called; it stays interrupted, and the chat can continue
     */
    public Reply ask(String text, GenerationOptions options) {
        List<ChatMessage> messages = question(text);
        GenerationOptions next = options;
        for (int round = 0; ; round++) {
            Reply said = reply(messages, next);
            if (said.toolCalls().isEmpty() || round == this.options.toolRounds()) {
                return said;
            }
            messages = results(said);
            if (options.toolChoice().mode() != ToolChoice.Mode.NONE) {
                next = options.withToolChoice(ToolChoice.AUTO);
            }
        }
    }

    private Reply reply(List<ChatMessage> messages, GenerationOptions options) {
        try (TokenStream answer = send(messages, options)) {
            answer.text();
            return isNothing(answer) ? NOTHING.ended(answer, 0) : reply;
        }
    }

    /**
     * Sends a user message with the default options; see {@link #ask(String, GenerationOptions)}.
     */
    public Reply ask(String text) {
        return ask(text, GenerationOptions.defaults());
    }

    /**
     * Calls the tools that a reply asks for, and returns their results, to be sent next. Whatever a
     * tool throws, the model is told that it failed, and the program gets the exception from the
     * log and from {@link ChatOptions#toolFailure}.
     *
     * @throws java.util.concurrent.CancellationException if the thread is interrupted
     */
    public List<ChatMessage> results(Reply asking) {
        return new ToolRunner(options)
                .results(Objects.requireNonNull(asking, "asking").toolCalls());
    }

    private static List<ChatMessage> question(String text) {
        return List.of(new ChatMessage(Role.USER, Objects.requireNonNull(text, "text")));
    }

    /** Whether a reply may have parts other than content. */
    private boolean isParsed(Prompt prompt) {
        return !prompt.isContent
                && (!tools.isEmpty()
                        || template.supportsThinking()
                        || prompt.written.grammar().isPresent());
    }

    private GenerationOptions effective(Prompt prompt, GenerationOptions options) {
        List<String> stops =
                Stream.concat(options.stopStrings().stream(), prompt.written.stops().stream())
                        .distinct()
                        .toList();
        GenerationOptions effective =
                options.withStopStrings(stops)
                        .withGrammar(
                                prompt.isContent ? options.grammar() : written(prompt, options));
        if (isParsed(prompt)) {
            effective = effective.withPreservedTokens(controlTokens(prompt.written.shown()));
        }
        return options.contextFull() == ContextFull.SHIFT
                ? effective.withKeep(Math.max(options.keep(), head().length))
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
                .map(this::encode)
                .filter(tokens -> tokens.length == 1)
                .map(tokens -> tokens[0])
                .collect(Collectors.toSet());
    }

    private int[] encode(String text) {
        return session.model().tokenizer().encode(text, false, true);
    }

    private Prompt prompt(List<ChatMessage> added, GenerationOptions options) {
        int size = session.contextSize();
        Prompt prompt = prompt(added, options, history.forgotten());
        if (options.contextFull() == ContextFull.STOP
                || prompt.tokens.length <= size - room(options.maxTokens())) {
            return prompt;
        }
        while (prompt.tokens.length > size / 2) {
            int next = history.nextTurn(prompt.forgotten, added);
            if (next == prompt.forgotten) {
                break;
            }
            prompt = prompt(added, options, next);
        }
        return prompt;
    }

    /** Tokens that are left free for an answer. */
    private int room(int maxTokens) {
        int quarter = session.contextSize() / 4;
        return maxTokens == GenerationOptions.UNLIMITED ? quarter : Math.min(maxTokens, quarter);
    }

    private Prompt prompt(List<ChatMessage> added, GenerationOptions options, int leftOut) {
        PromptWriter.Written written =
                writer.write(history.withoutOldest(leftOut, added), options, now);
        return new Prompt(
                written.prompt(),
                transcript.encode(written.prompt().text()),
                leftOut,
                written.isContent());
    }

    /** The tokens that every prompt begins with: those of the system message. */
    private int[] head() {
        int[] one = head("a");
        int mismatch = Arrays.mismatch(one, head("b"));
        return Arrays.copyOf(one, Math.max(0, mismatch));
    }

    private int[] head(String question) {
        List<ChatMessage> messages =
                history.withoutOldest(
                        history.size(), List.of(new ChatMessage(Role.USER, question)));
        return control.encodePrompt(
                writer.write(messages, GenerationOptions.defaults(), now).prompt().text());
    }

    /**
     * Takes back the last question and its answer.
     *
     * @return the question; empty if there is none
     */
    public Optional<String> undo() {
        return history.undo();
    }

    /**
     * Forgets the conversation except the system message, which stays in the session's KV cache if
     * it is there.
     */
    public void reset() {
        history.clear();
        transcript.clear();
        reply = NOTHING;
        if (history.hasSystem() || !tools.isEmpty()) {
            int mismatch = Arrays.mismatch(session.tokens(), head());
            session.keep(mismatch < 0 ? Integer.MAX_VALUE : mismatch);
        } else {
            session.reset();
        }
    }

    /** Resets the chat and begins it with a new system message; empty for none. */
    public void reset(Optional<String> newSystem) {
        history.begin(Objects.requireNonNull(newSystem, "newSystem"));
        reset();
    }

    /**
     * Writes the conversation and the session's KV cache to a file, as {@link LlamaSession#save}
     * does.
     */
    public void save(Path file) {
        session.save(
                file,
                new SavedChat(messages(), forgottenMessages(), now, transcript)
                        .toJson()
                        .toString());
    }

    /**
     * Continues the conversation of a file, with its system message, from the point where it was
     * saved. Nothing is computed again.
     *
     * @throws SessionException as {@link LlamaSession#restore} does, or if the file has no chat
     */
    public void restore(Path file) {
        SavedChat saved =
                session.restore(file)
                        .map(text -> SavedChat.of(Json.read(text), control))
                        .orElseThrow(
                                () ->
                                        new SessionException(
                                                "session file " + file + " has no chat",
                                                List.of()));
        history.set(saved.messages(), saved.forgotten());
        now = saved.now();
        reply = NOTHING;
        transcript.set(saved.transcript().text(), saved.transcript().tokens());
    }

    /** Whether an answer has failed, or ended before it began. */
    private static boolean isNothing(TokenStream answer) {
        return answer.stopReason().isEmpty()
                || answer.tokens().length == 0
                        && (answer.stopReason().get() == StopReason.CANCELLED
                                || answer.stopReason().get() == StopReason.TIMEOUT);
    }

    private void remember(
            List<ChatMessage> added,
            Prompt prompt,
            int[] tokens,
            Optional<String> marked,
            Reply said) {
        reply = said;
        history.add(added, ChatMessage.of(reply), prompt.forgotten);
        if (marked.isPresent()) {
            int[] all = Arrays.copyOf(prompt.tokens, prompt.tokens.length + tokens.length);
            System.arraycopy(tokens, 0, all, prompt.tokens.length, tokens.length);
            transcript.set(prompt.written.text() + marked.get(), all);
        } else {
            transcript.set(prompt.written.text(), prompt.tokens);
        }
    }

    /**
     * Closes the session if this chat is a {@linkplain #fork() fork}; otherwise does nothing,
     * because the session belongs to the caller. Idempotent.
     */
    @Override
    public void close() {
        if (ownsSession) {
            session.close();
        }
    }
}
