package io.github.bigllama.core.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.ToolChoice;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.internal.chat.ControlText;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.RawGguf;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A model calls the tools of a chat. The demo model never does of its own accord: so three of its
 * tokens are given the texts of the parts of a call here, and are preferred in this order.
 */
class ToolCallsTest {
    private static final List<String> CALL =
            List.of(
                    "[TOOL_CALLS][{\"name\": \"paint\", ",
                    "\"arguments\": {\"color\": \"blue\", ",
                    "\"gloss\": true}, \"id\": \"abcdefghi\"}]");
    private static final int FIRST = 1000;
    private static final GenerationOptions CALLING =
            GenerationOptions.defaults()
                    .withSampling(
                            SamplingOptions.greedy()
                                    .withLogitBias(
                                            Map.of(FIRST, 300f, FIRST + 1, 200f, FIRST + 2, 100f)));
    private static final GenerationOptions REQUIRED = CALLING.withToolChoice(ToolChoice.REQUIRED);
    private static final String NEMO = "mistralai-Mistral-Nemo-Instruct-2407.jinja";

    private final List<String> called = new ArrayList<>();
    private final Tool paint =
            Tool.of(
                    "paint",
                    "Paints",
                    """
                    {"type": "object",
                     "properties": {"color": {"type": "string", "enum": ["red", "blue"]}, "gloss": {"type": "boolean"}},
                     "required": ["color", "gloss"]}""",
                    arguments -> {
                        called.add(arguments);
                        return "done";
                    });
    private LlamaModel model;
    private LlamaSession session;

    @BeforeEach
    void open(@TempDir Path folder) throws IOException {
        RawGguf file = RawGguf.copyOf(DemoModel.PATH);
        List<String> tokens =
                new ArrayList<>(
                        Gguf.read(DemoModel.PATH)
                                .metadata()
                                .array("tokenizer.ggml.tokens")
                                .orElseThrow()
                                .strings());
        for (int i = 0; i < CALL.size(); i++) {
            // As byte-level BPE writes spaces.
            tokens.set(FIRST + i, CALL.get(i).replace(' ', 'Ġ'));
        }
        file.strings("tokenizer.ggml.tokens", tokens);
        model = LlamaModel.load(file.write(folder.resolve("model.gguf")));
        session = model.newSession();
    }

    @AfterEach
    void close() {
        session.close();
        model.close();
    }

    private ChatOptions nemo() throws IOException {
        return ChatOptions.defaults().withTools(paint).withTemplate(ProbedTemplates.source(NEMO));
    }

    @Test
    void aRequiredCallIsMade() throws IOException {
        Reply reply = new Chat(session, nemo().withToolRounds(0)).ask("Blue, please", REQUIRED);
        assertThat(reply.toolCalls()).hasSize(1);
        assertThat(reply.toolCalls().getFirst().name()).isEqualTo("paint");
        assertThat(called).isEmpty();

        new Chat(session, nemo().withToolRounds(1)).ask("Blue, please", REQUIRED);
        assertThat(called).hasSize(1);
        assertThat(called.getFirst()).contains("color").contains("gloss");
    }

    @Test
    void rounds() throws IOException {
        Chat chat = new Chat(session, nemo().withToolRounds(3));
        Reply last = chat.ask("Blue, please", CALLING);
        assertThat(called).hasSize(3).allMatch(call -> call.contains("blue"));
        assertThat(last.toolCalls()).hasSize(1);
        assertThat(chat.messages()).hasSize(8);
    }

    @Test
    void aCallThatWasCutIsNotMade() throws IOException {
        ChatOptions options = nemo().withToolRounds(1);
        List<StopReason> reasons = new ArrayList<>();
        for (int most = 1; most < 7; most++) {
            called.clear();
            Chat chat = new Chat(session, options);
            try (TokenStream answer = chat.send("Blue, please", REQUIRED.withMaxTokens(most))) {
                answer.text();
            }
            Reply reply = chat.reply();
            StopReason reason = reply.stopReason().orElseThrow();
            reasons.add(reason);
            assertThat(reply.toolCalls()).hasSize(reason == StopReason.MAX_TOKENS ? 0 : 1);
            assertThat(reply.toolCalls())
                    .allSatisfy(call -> assertThat(call.isComplete()).isTrue())
                    .allSatisfy(call -> assertThat(call.id()).isNotEmpty());
            chat.results(reply);
            assertThat(called).hasSameSizeAs(reply.toolCalls());
            assertThat(called).allSatisfy(c -> assertThat(c).contains("gloss").endsWith("}"));
            assertThat(
                            chat.ask(
                                            "Hello",
                                            CALLING.withToolChoice(ToolChoice.NONE)
                                                    .withMaxTokens(2))
                                    .stats())
                    .isPresent();
        }
        assertThat(reasons).contains(StopReason.MAX_TOKENS, StopReason.END_OF_GENERATION);
    }

    @Test
    void whereATemplateHasNoCallsNoneIsRequired() throws IOException {
        assertThatExceptionOfType(ChatTemplateException.class)
                .isThrownBy(
                        () ->
                                new Chat(session, ChatOptions.defaults().withTools(paint))
                                        .ask("Hi", REQUIRED))
                .withMessageContaining("has no format for tool calls");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () ->
                                new Chat(session, nemo())
                                        .ask(
                                                "Hi",
                                                REQUIRED.withGrammar(
                                                        Grammar.gbnf("root ::= \"yes\""))))
                .withMessageContaining("can't both");
    }

    @Test
    void everyTemplateForcesACallOrSaysThatItCant() throws Exception {
        List<String> refused = new ArrayList<>();
        Map<String, Map<String, String>> all = ProbedTemplates.read();
        for (Map.Entry<String, Map<String, String>> entry : all.entrySet()) {
            try (ChatTemplate template = new ChatTemplate(model, entry.getValue().get("source"))) {
                ChatTemplate.Prompt prompt =
                        new PromptWriter(
                                        template,
                                        ChatOptions.defaults().withTools(paint),
                                        new ControlText(model.tokenizer(), false))
                                .write(
                                        List.of(new ChatMessage(Role.USER, "Blue, please")),
                                        REQUIRED,
                                        1_700_000_000L)
                                .prompt();
                assertThat(prompt.grammar().orElseThrow().triggers()).isEmpty();
            } catch (ChatTemplateException e) {
                refused.add(entry.getKey());
            }
        }
        assertThat(refused)
                .containsExactlyInAnyOrder(
                        "HuggingFaceTB-SmolLM3-3B.jinja",
                        "deepseek-ai-DeepSeek-R1-Distill-Llama-8B.jinja",
                        "google-gemma-2-2b-it.jinja",
                        "ibm-granite-granite-3.3-2B-Instruct.jinja",
                        "llama-cpp-rwkv-world.jinja",
                        "microsoft-Phi-3.5-mini-instruct.jinja");
    }
}
