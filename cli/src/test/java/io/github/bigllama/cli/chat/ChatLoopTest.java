package io.github.bigllama.cli.chat;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatOptions;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SessionOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

/** What a chat says beside the answers. */
class ChatLoopTest {
    private final LlamaModel model =
            LlamaModel.load(Path.of("../core/src/demo/bigllama-demo-Q8_0.gguf"));
    private final LlamaSession session =
            model.newSession(SessionOptions.defaults().withContextSize(4096).withThreads(1, 1));
    private final Script ui = new Script();

    @AfterEach
    void close() {
        session.close();
        model.close();
    }

    /** Types lines, and writes down what it is told. */
    private static final class Script implements ChatUi {
        private final Deque<String> lines = new ArrayDeque<>();
        private final List<String> errors = new ArrayList<>();

        @Override
        public Optional<String> read() {
            return Optional.ofNullable(lines.poll());
        }

        @Override
        public void answer(String piece) {}

        @Override
        public void reasoning(String piece) {}

        @Override
        public void endAnswer() {}

        @Override
        public void status(String line) {}

        @Override
        public void say(String line) {}

        @Override
        public void remark(String line) {}

        @Override
        public void error(String line) {
            errors.add(line);
        }

        @Override
        public boolean copy(String text) {
            return false;
        }

        @Override
        public boolean hasCommands() {
            return true;
        }

        @Override
        public boolean isInteractive() {
            return false;
        }

        @Override
        public void close() {}
    }

    private int run(Chat chat, GenerationOptions options) throws IOException {
        CommandLine nothing = new CommandLine(CommandSpec.create());
        nothing.parseArgs();
        try (Interruption interruption = new Interruption()) {
            return new ChatLoop(
                            session,
                            chat,
                            options,
                            new AnswerSettings(nothing.getCommandSpec()),
                            new ConversationFile(chat, null),
                            ui,
                            interruption)
                    .run();
        }
    }

    /** The reason comes first, and then what to do. */
    @Test
    void aTemplateThatRefusesSaysWhyAndWhatToDo() throws IOException {
        String template =
                "{% for m in messages %}{% if m.content == 'bad' %}"
                        + "{{ raise_exception('no bad words') }}{% endif %}{{ m.content }}{% endfor %}";
        Chat chat = new Chat(session, ChatOptions.defaults().withTemplate(template));
        ui.lines.addAll(List.of("bad", "good", "bad"));
        assertThat(run(chat, GenerationOptions.greedy().withMaxTokens(2))).isEqualTo(1);
        String refused = "the model's chat template refuses the conversation: no bad words";
        assertThat(ui.errors)
                .containsExactly(
                        refused,
                        refused + "; /undo takes back the last message, /reset forgets everything");
        assertThat(chat.messages()).hasSize(2);
    }
}
