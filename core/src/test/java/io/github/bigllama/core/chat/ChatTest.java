package io.github.bigllama.core.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufMetadata;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.RawGguf;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChatTest {
    private static final GenerationOptions GREEDY = GenerationOptions.greedy();

    private LlamaModel model;
    private LlamaSession session;
    private Chat chat;

    @BeforeEach
    void open() {
        model = DemoModel.load();
        session = model.newSession();
        chat = new Chat(session);
    }

    @AfterEach
    void close() {
        session.close();
        model.close();
    }

    @Test
    void remembersANameUntilItIsReset() {
        assertThat(chat.send("My name is Greta.", GREEDY).text())
                .isEqualTo("Nice to meet you, Greta!");
        assertThat(chat.send("What is my name?", GREEDY).text()).isEqualTo("Your name is Greta.");
        chat.reset();
        assertThat(chat.messages()).isEmpty();
        assertThat(session.contextUsed()).isZero();
        assertThat(chat.send("What is my name?", GREEDY).text())
                .isEqualTo("I do not know your name yet.");
    }

    @Test
    void theSecondTurnComputesOnlyWhatIsNew() {
        TokenStream first = chat.send("My name is Greta.", GREEDY);
        first.text();
        assertThat(first.stats().cachedTokens()).isZero();
        int held = session.contextUsed();

        TokenStream second = chat.send("What is my name?", GREEDY);
        second.text();
        String added = "<|im_end|>\n" + DemoModel.prompt("What is my name?");
        int addedTokens = model.tokenizer().encode(added, false, true).length;
        assertThat(second.stats().cachedTokens()).isEqualTo(held);
        assertThat(second.stats().prefilledTokens()).isEqualTo(addedTokens);
        assertThat(second.stats().promptTokens()).isEqualTo(held + addedTokens);
    }

    @Test
    void aTurnWithAStopStringStaysConsistent() {
        chat.send("My name is Greta.", GREEDY.withStopStrings(" meet")).text();
        assertThat(chat.messages().getLast().content()).isEqualTo("Nice to");
        TokenStream next = chat.send("What is my name?", GREEDY);
        assertThat(next.text()).isEqualTo("Your name is Greta.");
        assertThat(next.stats().cachedTokens()).isPositive();
    }

    @Test
    void aSystemMessageComesFirstAndSurvivesAReset() {
        chat.reset("Be short.");
        chat.send("Wave at me.", GREEDY).text();
        chat.reset();
        assertThat(chat.messages()).containsExactly(new ChatMessage(Role.SYSTEM, "Be short."));
        chat.resetWithoutSystem();
        assertThat(chat.messages()).isEmpty();
    }

    @Test
    void anAnswerThatIsClosedEarlyStaysInTheHistoryAsFarAsItWent() {
        try (TokenStream answer = chat.send("Count from 3 to 17.", GREEDY)) {
            assertThat(answer.next() + answer.next()).isEqualTo("3 4");
        }
        assertThat(chat.messages().getLast()).isEqualTo(new ChatMessage(Role.ASSISTANT, "3 4"));
    }

    @Test
    void aConversationThatOutgrowsTheContextIsRefusedAndUnchanged() {
        try (LlamaSession small =
                model.newSession(SessionOptions.defaults().withContextSize(256))) {
            Chat full = new Chat(small);
            full.send("Tell me a story.", GREEDY).text();
            int messages = full.messages().size();
            String question = "Repeat after me: copper tiger moon zebra ".repeat(9);
            assertThatExceptionOfType(PromptTooLongException.class)
                    .isThrownBy(() -> full.send(question, GREEDY))
                    .satisfies(e -> assertThat(e.promptTokens()).isGreaterThan(e.contextSize()))
                    .withMessageContaining("256 tokens");
            assertThat(full.messages()).hasSize(messages);
            full.reset();
            assertThat(full.send("Wave at me.", GREEDY).text()).isEqualTo("👋");
        }
    }

    @Test
    void whatIsNoTemplateIsRefused() {
        assertThatExceptionOfType(ChatTemplateException.class)
                .isThrownBy(
                        () -> new Chat(session, ChatOptions.defaults().withTemplate("nonsense")))
                .withMessageContaining("'nonsense' is not a chat template")
                .withMessageContaining("chatml");
        assertThatExceptionOfType(ChatTemplateException.class)
                .isThrownBy(
                        () -> new Chat(session, ChatOptions.defaults().withTemplate("{% if %}")))
                .withMessageContaining("cannot read the chat template: ")
                .satisfies(e -> assertThat(e.getMessage()).contains("%}").doesNotContain("std::"));
        Chat chatml = new Chat(session, ChatOptions.defaults().withTemplate("chatml"));
        chatml.send("Hi", GREEDY.withMaxTokens(1)).text();
        assertThat(chatml.messages()).hasSize(2);
        String refusing = "{{ raise_exception('only one turn') }}";
        Chat refused = new Chat(session, ChatOptions.defaults().withTemplate(refusing));
        assertThatExceptionOfType(ChatTemplateException.class)
                .isThrownBy(() -> refused.send("Hi"))
                .withMessage("the model's chat template refuses the conversation: only one turn");
        Chat broken = new Chat(session, ChatOptions.defaults().withTemplate("{{ 'a' | nosuch }}"));
        assertThatExceptionOfType(ChatTemplateException.class)
                .isThrownBy(() -> broken.send("Hi"))
                .withMessageContaining(
                        "refuses the conversation: Unknown (built-in) filter 'nosuch'")
                .withMessageEndingWith(" (line 1, column 8 of the template)");
    }

    @Test
    void aNulInAMessageIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> chat.send("a\0b"))
                .withMessageContaining("NUL");
    }

    @Test
    void halfOfACharacterInAMessageIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> chat.send("a\ud83d"))
                .withMessage(
                        "message of the user has half of a surrogate pair at index 1, which is no "
                                + "character");
        assertThat(chat.messages()).isEmpty();
    }

    @Test
    void nothingIsForgottenWhileAnAnswerIsOpen() {
        chat.send("My name is Greta.", GREEDY).text();
        TokenStream open = chat.send("What is my name?", GREEDY);
        int messages = chat.messages().size();
        for (Runnable change :
                List.<Runnable>of(
                        chat::reset,
                        chat::resetWithoutSystem,
                        chat::undo,
                        () -> chat.reset("Be short."),
                        () -> chat.reset(List.of(new ChatMessage(Role.USER, "Hi"))))) {
            assertThatExceptionOfType(IllegalStateException.class).isThrownBy(change::run);
            assertThat(chat.messages()).hasSize(messages);
        }
        assertThat(open.text()).isEqualTo("Your name is Greta.");
    }

    /** What llama.cpp and templates read of a request is not a text of the user. */
    @Test
    void aControlTokenMayBeCalledLikeAField(@TempDir Path folder) throws IOException {
        GgufMetadata metadata = Gguf.read(DemoModel.PATH).metadata();
        List<String> tokens =
                new ArrayList<>(metadata.array("tokenizer.ggml.tokens").orElseThrow().strings());
        List<Integer> types =
                new ArrayList<>(
                        metadata.array("tokenizer.ggml.token_type")
                                .orElseThrow()
                                .integers()
                                .mapToObj(type -> (int) type)
                                .toList());
        List<String> names = List.of("role", "content", "messages", "user", "system");
        for (int i = 0; i < names.size(); i++) {
            int before = tokens.indexOf(names.get(i));
            if (before >= 0) {
                tokens.set(before, "unused " + i);
            }
            tokens.set(700 + i, names.get(i));
            types.set(700 + i, 3);
        }
        Path file =
                RawGguf.copyOf(DemoModel.PATH)
                        .strings("tokenizer.ggml.tokens", tokens)
                        .i32s("tokenizer.ggml.token_type", types)
                        .write(folder.resolve("named.gguf"));
        try (LlamaModel named = LlamaModel.load(file);
                LlamaSession own = named.newSession()) {
            Chat other = new Chat(own, ChatOptions.defaults().withSystem("Be short."));
            Reply reply = other.ask("role", GREEDY.withMaxTokens(4));
            assertThat(reply.stopReason()).isPresent();
            String prompt = named.tokenizer().decode(own.tokens());
            assertThat(prompt).contains("\nrole");
            assertThat(own.tokens()).doesNotContain(700);
        }
    }
}
