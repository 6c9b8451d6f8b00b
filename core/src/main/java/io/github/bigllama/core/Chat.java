package io.github.bigllama.core;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

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
    private Optional<ChatMessage> system;

    /** The last turn as text, and the tokens it became: the next one begins like it. */
    private String written = "";

    private int[] writtenTokens = {};

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
        this.system = options.system().map(text -> new ChatMessage(Role.SYSTEM, text));
        this.template =
                new ChatTemplate(
                        options.template()
                                .or(session.model()::chatTemplate)
                                .orElse(FALLBACK_TEMPLATE));
    }

    /** What was said so far, the system message first if there is one. */
    public List<ChatMessage> messages() {
        List<ChatMessage> messages = new ArrayList<>();
        system.ifPresent(messages::add);
        messages.addAll(history);
        return List.copyOf(messages);
    }

    /** Says something with the default options; see {@link #send(String, GenerationOptions)}. */
    public TokenStream send(String text) {
        return send(text, GenerationOptions.defaults());
    }

    /**
     * Says something and returns the answer, which must be read or closed before the next turn.
     *
     * @throws PromptTooLongException if the conversation has outgrown the context; the history is
     *     unchanged
     */
    public TokenStream send(String text, GenerationOptions options) {
        ChatMessage question = new ChatMessage(Role.USER, text);
        List<ChatMessage> messages = new ArrayList<>(messages());
        messages.add(question);
        String prompt = template.apply(messages, true);
        TokenStream answer = session.generate(encode(prompt), options);
        answer.onEnd(() -> remember(question, prompt, answer));
        return answer;
    }

    /** Forgets the conversation but for the system message, and empties the session's KV cache. */
    public void reset() {
        session.reset();
        history.clear();
        written = "";
        writtenTokens = new int[0];
    }

    /** Resets the chat and begins it with another system message; empty for none. */
    public void reset(Optional<String> newSystem) {
        Optional<ChatMessage> message = newSystem.map(text -> new ChatMessage(Role.SYSTEM, text));
        reset();
        system = message;
    }

    /**
     * What the model has said must be the tokens that it chose, even where the tokenizer would
     * choose others for the same text: only those are in the KV cache.
     */
    private int[] encode(String prompt) {
        Tokenizer tokenizer = session.model().tokenizer();
        if (written.isEmpty() || !prompt.startsWith(written)) {
            return tokenizer.encode(prompt);
        }
        int[] rest = tokenizer.encode(prompt.substring(written.length()), false, true);
        return concat(writtenTokens, rest);
    }

    private void remember(ChatMessage question, String prompt, TokenStream answer) {
        int[] tokens = answer.tokens();
        String said = answer.produced();
        if (answer.stopReason().isEmpty()
                || (tokens.length == 0 && answer.stopReason().get() == StopReason.CANCELLED)) {
            return;
        }
        history.add(question);
        history.add(new ChatMessage(Role.ASSISTANT, said));
        // A stop string, or a character that was cut, makes the text differ from the tokens.
        boolean same = session.model().tokenizer().decode(tokens).equals(said);
        written = same ? prompt + said : "";
        writtenTokens = same ? concat(answer.prompt(), tokens) : new int[0];
    }

    private static int[] concat(int[] first, int[] second) {
        return IntStream.concat(IntStream.of(first), IntStream.of(second)).toArray();
    }
}
