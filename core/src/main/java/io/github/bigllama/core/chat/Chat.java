package io.github.bigllama.core.chat;

import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.ToolChoice;
import io.github.bigllama.internal.chat.ChatAnswer;
import io.github.bigllama.internal.chat.ControlText;
import io.github.bigllama.internal.chat.PlainReader;
import io.github.bigllama.internal.llama.Json;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

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
    private final LlamaSession session;
    private final boolean ownsSession;
    private final ChatOptions options;
    private final TurnWriter turns;
    private final Conversation said;

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
        ControlText control =
                new ControlText(
                        session.model().tokenizer(),
                        options.parseSpecial(),
                        session.model().projector().orElse(null));
        this.turns = new TurnWriter(session, options, control);
        this.said = new Conversation(control, options.system().orElse(null));
    }

    private Chat(LlamaSession fork, Chat origin) {
        session = fork;
        ownsSession = true;
        options = origin.options;
        turns = origin.turns.on(fork);
        said = origin.said.copy();
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
        return said.history().all();
    }

    /**
     * Number of messages that the model no longer sees because the context was full: the oldest
     * ones after the system message.
     */
    public int forgottenMessages() {
        return said.history().forgotten();
    }

    /** The tools that the model may call. */
    public List<Tool> tools() {
        return options.tools();
    }

    /** The last reply as a whole; before the first, an empty one. */
    public Reply reply() {
        return said.reply();
    }

    /**
     * Sends a user message with the default options; see {@link #send(String, GenerationOptions)}.
     */
    public TokenStream send(String text) {
        return send(text, GenerationOptions.defaults());
    }

    /** Sends a user message; see {@link #send(List, GenerationOptions)}. */
    public TokenStream send(String text, GenerationOptions options) {
        return send(List.of(question(text)), options);
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
     * @throws io.github.bigllama.core.exception.MediaException if an image or a sound can't be
     *     decoded, or the model was loaded without a {@link io.github.bigllama.core.Projector}
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
        History before = said.history().copy();
        Optional<ChatMessage> question = said.history().undo();
        Runnable restore = () -> said.history().set(before);
        try {
            return question.map(again -> send(List.of(again), options, restore));
        } catch (RuntimeException e) {
            restore.run();
            throw e;
        }
    }

    private TokenStream send(
            List<ChatMessage> messages, GenerationOptions options, Runnable onNothing) {
        Objects.requireNonNull(messages, "messages");
        Objects.requireNonNull(options, "options");
        Turn turn = turns.write(said, messages, options);
        ReplyReader reader =
                new ReplyReader(turn.prompt().syntax(), options.reasoning().orElse(null));
        return new ChatAnswer(
                session.generate(turn.tokens(), turn.options()),
                turn.hasParts() ? reader : new PlainReader(),
                (ended, produced) -> {
                    if (isNothing(ended)) {
                        onNothing.run();
                    } else {
                        Reply reply =
                                turn.hasParts()
                                        ? reader.reply()
                                        : new Reply(produced, "", List.of());
                        said.add(turn, ended, produced, reply);
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
        return ask(question(text), options);
    }

    /** As {@link #ask(String, GenerationOptions)}, for a question with images or sounds. */
    public Reply ask(ChatMessage question, GenerationOptions options) {
        List<ChatMessage> messages = List.of(Objects.requireNonNull(question, "question"));
        GenerationOptions next = options;
        for (int round = 0; ; round++) {
            Reply reply = reply(messages, next);
            if (reply.toolCalls().isEmpty() || round == this.options.toolRounds()) {
                return reply;
            }
            messages = results(reply);
            if (options.toolChoice().mode() != ToolChoice.Mode.NONE) {
                next = options.withToolChoice(ToolChoice.AUTO);
            }
        }
    }

    /** Sends messages and waits for the reply, without calling tools. */
    Reply reply(List<ChatMessage> messages, GenerationOptions options) {
        try (TokenStream answer = send(messages, options)) {
            answer.text();
            return isNothing(answer) ? new Reply("", "", List.of()).ended(answer, 0) : said.reply();
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

    private static ChatMessage question(String text) {
        return new ChatMessage(Role.USER, Objects.requireNonNull(text, "text"));
    }

    /**
     * Takes back the last question and its answer.
     *
     * @return the question; empty if there is none
     * @throws IllegalStateException while an answer is open; nothing has changed then
     */
    public Optional<ChatMessage> undo() {
        requireNoStream();
        return said.history().undo();
    }

    /**
     * Forgets the conversation except the system message, which stays in the session's KV cache if
     * it is there.
     *
     * @throws IllegalStateException while an answer is open; nothing has changed then
     */
    public void reset() {
        requireNoStream();
        said.clear();
        if (said.history().hasSystem() || !options.tools().isEmpty()) {
            int mismatch = Arrays.mismatch(session.tokens(), turns.head(said));
            session.keep(mismatch < 0 ? Integer.MAX_VALUE : mismatch);
        } else {
            session.reset();
        }
    }

    /** Resets the chat and begins it with a new system message. */
    public void reset(String newSystem) {
        Objects.requireNonNull(newSystem, "newSystem");
        requireNoStream();
        said.history().begin(newSystem);
        reset();
    }

    /**
     * Resets the chat and begins it with a conversation that was held elsewhere. The next question
     * computes only what is not in the session's KV cache yet.
     *
     * @param messages at most one system message, which is first; replies follow questions
     */
    public void reset(List<ChatMessage> messages) {
        Objects.requireNonNull(messages, "messages");
        requireNoStream();
        said.history().set(List.copyOf(messages), 0);
        said.forgetText();
    }

    /** Resets the chat and begins it without a system message. */
    public void resetWithoutSystem() {
        requireNoStream();
        said.history().begin(null);
        reset();
    }

    /**
     * Writes the conversation and the session's KV cache to a file, as {@link LlamaSession#save}
     * does.
     *
     * @throws SessionException as that does, or if the conversation has images or sounds
     */
    public void save(Path file) {
        if (said.hasMedia()) {
            throw new SessionException(
                    "cannot write session file "
                            + file
                            + ": the conversation has images or sounds, which session files can't hold",
                    List.of());
        }
        session.save(file, said.toJson().toString());
    }

    /**
     * Continues the conversation of a file, with its system message, from the point where it was
     * saved. Nothing is computed again.
     *
     * @throws SessionException as {@link LlamaSession#restore} does, or if the file has no chat
     */
    public void restore(Path file) {
        String kept =
                session.restore(file)
                        .orElseThrow(
                                () ->
                                        new SessionException(
                                                "session file " + file + " has no chat",
                                                List.of()));
        said.restore(Json.read(kept));
    }

    /** Before anything is changed. */
    private void requireNoStream() {
        session.keep(Integer.MAX_VALUE);
    }

    /** Whether an answer has failed, or ended before it began. */
    private static boolean isNothing(TokenStream answer) {
        return answer.stopReason().isEmpty()
                || answer.tokens().length == 0
                        && (answer.stopReason().get() == StopReason.CANCELLED
                                || answer.stopReason().get() == StopReason.TIMEOUT);
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
