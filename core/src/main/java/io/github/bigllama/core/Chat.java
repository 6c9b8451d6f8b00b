package io.github.bigllama.core;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A conversation in turns, written with the model's chat template. Each turn computes only what is
 * new: the KV cache of the session keeps the rest.
 *
 * <p>The thread rules are those of {@link LlamaSession}. The session belongs to the caller, who
 * closes it; use it for one chat at a time.
 *
 * <p>A {@link TokenStream} that is closed or cancelled leaves what it had said in the history. A
 * turn that fails, or is cancelled before its first token, leaves the history as it was.
 */
public final class Chat {
    /** What a model without a template gets; most chat models were trained on a form of it. */
    private static final String FALLBACK_TEMPLATE = "chatml";

    private final LlamaSession session;
    private final ChatTemplate template;
    private final List<ChatMessage> history = new ArrayList<>();
    private final Transcript transcript;
    private Optional<ChatMessage> system;

    /** Messages at the beginning of the history that had to make room. */
    private int forgotten;

    /** What is computed next, and which messages it leaves out. */
    private record Prompt(String text, int[] tokens, int forgotten) {}

    /** A chat without a system message; see {@link #Chat(LlamaSession, ChatOptions)}. */
    public Chat(LlamaSession session) {
        this(session, ChatOptions.defaults());
    }

    /**
     * Begins a chat.
     *
     * @throws ChatTemplateException if llama.cpp does not know the template
     */
    public Chat(LlamaSession session, ChatOptions options) {
        this.session = session;
        this.transcript = new Transcript(session.model().tokenizer());
        this.system = options.system().map(text -> new ChatMessage(Role.SYSTEM, text));
        this.template =
                new ChatTemplate(
                        options.template()
                                .or(session.model()::chatTemplate)
                                .orElse(FALLBACK_TEMPLATE));
    }

    /** What was said so far, the system message first if there is one. */
    public List<ChatMessage> messages() {
        return messages(0);
    }

    private List<ChatMessage> messages(int leftOut) {
        List<ChatMessage> messages = new ArrayList<>();
        system.ifPresent(messages::add);
        messages.addAll(history.subList(leftOut, history.size()));
        return List.copyOf(messages);
    }

    /**
     * Messages that the model does not see any more, because the context was full; the oldest after
     * the system message.
     */
    public int forgottenMessages() {
        return forgotten;
    }

    /** Says something with the default options; see {@link #send(String, GenerationOptions)}. */
    public TokenStream send(String text) {
        return send(text, GenerationOptions.defaults());
    }

    /**
     * Says something and returns the answer, which must be read or closed before the next turn.
     *
     * <p>With {@link ContextFull#SHIFT} the oldest turns are left out once the conversation does
     * not fit: then so many that half of the context is free, so that this is seldom. {@link
     * #messages()} still has them.
     *
     * @throws PromptTooLongException if the conversation has outgrown the context, or with {@link
     *     ContextFull#SHIFT} the question alone has; the history is unchanged
     */
    public TokenStream send(String text, GenerationOptions options) {
        ChatMessage question = new ChatMessage(Role.USER, text);
        Prompt prompt = prompt(question, options);
        TokenStream answer = session.generate(prompt.tokens, options);
        if (options.contextFull() == ContextFull.SHIFT) {
            answer.keepAtLeast(head().length);
        }
        answer.onEnd(() -> remember(question, prompt, answer));
        return answer;
    }

    private Prompt prompt(ChatMessage question, GenerationOptions options) {
        int size = session.contextSize();
        Prompt prompt = prompt(question, forgotten);
        if (options.contextFull() == ContextFull.STOP
                || prompt.tokens.length <= size - room(options.maxTokens())) {
            return prompt;
        }
        while (prompt.tokens.length > size / 2 && prompt.forgotten < history.size()) {
            prompt = prompt(question, nextTurn(prompt.forgotten));
        }
        return prompt;
    }

    /** Tokens that are left free for an answer. */
    private int room(int maxTokens) {
        int quarter = session.contextSize() / 4;
        return maxTokens == GenerationOptions.UNLIMITED ? quarter : Math.min(maxTokens, quarter);
    }

    private int nextTurn(int message) {
        int next = message + 1;
        while (next < history.size() && history.get(next).role() != Role.USER) {
            next++;
        }
        return next;
    }

    private Prompt prompt(ChatMessage question, int leftOut) {
        List<ChatMessage> messages = new ArrayList<>(messages(leftOut));
        messages.add(question);
        String text = template.apply(messages, true);
        return new Prompt(text, transcript.encode(text), leftOut);
    }

    /** The tokens with which every prompt begins: those of the system message. */
    private int[] head() {
        int[] one = head("a");
        int mismatch = Arrays.mismatch(one, head("b"));
        return Arrays.copyOf(one, Math.max(0, mismatch));
    }

    private int[] head(String question) {
        List<ChatMessage> messages = new ArrayList<>();
        system.ifPresent(messages::add);
        messages.add(new ChatMessage(Role.USER, question));
        return session.model().tokenizer().encode(template.apply(messages, true));
    }

    /**
     * Takes back the last question and its answer.
     *
     * @return the question; empty if there is none
     */
    public Optional<String> undo() {
        int last = history.size() - 1;
        while (last >= 0 && history.get(last).role() != Role.USER) {
            last--;
        }
        if (last < 0) {
            return Optional.empty();
        }
        String question = history.get(last).content();
        history.subList(last, history.size()).clear();
        forgotten = Math.min(forgotten, last);
        return Optional.of(question);
    }

    /**
     * Forgets the conversation but for the system message, which stays in the session's KV cache as
     * far as it is there.
     */
    public void reset() {
        history.clear();
        transcript.clear();
        forgotten = 0;
        if (system.isPresent()) {
            int mismatch = Arrays.mismatch(session.tokens(), head());
            session.keep(mismatch < 0 ? Integer.MAX_VALUE : mismatch);
        } else {
            session.reset();
        }
    }

    /** Resets the chat and begins it with another system message; empty for none. */
    public void reset(Optional<String> newSystem) {
        system = newSystem.map(text -> new ChatMessage(Role.SYSTEM, text));
        reset();
    }

    /**
     * Writes the conversation and what the session knows of it to a file, as {@link
     * LlamaSession#save} does.
     */
    public void save(Path file) {
        session.save(file, Optional.of(new SavedChat(messages(), forgotten, transcript).toJson()));
    }

    /**
     * Goes on with the conversation of a file, system message and all, where it was saved: nothing
     * of it is computed again.
     *
     * @throws SessionException as {@link LlamaSession#restore} does, or if the file has no chat
     */
    public void restore(Path file) {
        Optional<JsonNode> chat = session.restoreChat(file);
        SavedChat saved =
                chat.map(node -> SavedChat.of(node, session.model().tokenizer()))
                        .orElseThrow(
                                () ->
                                        new SessionException(
                                                "session file " + file + " has no chat",
                                                List.of()));
        system =
                saved.messages().stream()
                        .filter(message -> message.role() == Role.SYSTEM)
                        .findFirst();
        history.clear();
        history.addAll(saved.messages());
        system.ifPresent(history::remove);
        forgotten = saved.forgotten();
        transcript.set(saved.transcript().text(), saved.transcript().tokens());
    }

    private void remember(ChatMessage question, Prompt prompt, TokenStream answer) {
        int[] tokens = answer.tokens();
        String said = answer.produced();
        if (answer.stopReason().isEmpty()
                || (tokens.length == 0 && answer.stopReason().get() == StopReason.CANCELLED)) {
            return;
        }
        forgotten = prompt.forgotten;
        history.add(question);
        history.add(new ChatMessage(Role.ASSISTANT, said));
        // A stop string, or a character that was cut, makes the text differ from the tokens.
        if (session.model().tokenizer().decode(tokens).equals(said)) {
            int[] all = Arrays.copyOf(prompt.tokens, prompt.tokens.length + tokens.length);
            System.arraycopy(tokens, 0, all, prompt.tokens.length, tokens.length);
            transcript.set(prompt.text + said, all);
        } else {
            transcript.set(prompt.text, prompt.tokens);
        }
    }
}
