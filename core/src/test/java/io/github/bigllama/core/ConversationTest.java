package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatMessage;
import io.github.bigllama.core.chat.ChatOptions;
import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.KvType;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.internal.synthetic.RandomModel;
import io.github.bigllama.internal.synthetic.RandomModel.Shape;
import io.github.bigllama.testing.DemoModel;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Conversations that are longer than a context, and longer than a process. */
class ConversationTest {
    private static final GenerationOptions GREEDY = GenerationOptions.greedy();
    private static final GenerationOptions SHIFT =
            GREEDY.withContextFull(ContextFull.SHIFT).withMaxTokens(40);

    @TempDir Path folder;
    private LlamaModel model;

    @BeforeEach
    void load() {
        model = DemoModel.load();
    }

    @AfterEach
    void close() {
        model.close();
    }

    private LlamaSession session(int contextSize) {
        return model.newSession(DemoModel.ONE_THREAD.withContextSize(contextSize));
    }

    @Test
    void aConversationTenTimesAsLongAsTheContext() {
        try (LlamaSession session = session(256)) {
            Chat chat = new Chat(session, ChatOptions.defaults().withSystem("Be short."));
            int written = 0;
            int computed = 0;
            int cuts = 0;
            int forgotten = 0;
            while (written < 10 * 256) {
                try (TokenStream answer = chat.send("What is the capital of France?", SHIFT)) {
                    assertThat(answer.text()).isEqualTo("The capital of France is Paris.");
                    GenerationStats stats = answer.stats();
                    computed += stats.prefilledTokens();
                    written += stats.prefilledTokens() + stats.generatedTokens();
                    assertThat(stats.contextUsed()).isLessThanOrEqualTo(256);
                    if (chat.forgottenMessages() > forgotten) {
                        cuts++;
                        forgotten = chat.forgottenMessages();
                        // The rest of the conversation was moved, not computed again.
                        assertThat(stats.prefilledTokens()).isLessThan(30);
                        assertThat(stats.cachedTokens()).isGreaterThan(60);
                    }
                }
            }
            assertThat(cuts).isBetween(8, 40);
            assertThat(forgotten).isGreaterThan(80);
            assertThat(chat.messages()).hasSizeGreaterThan(forgotten);
            String kept = model.tokenizer().decode(session.tokens(), true);
            assertThat(kept).contains("system\nBe short.").containsOnlyOnce("system");
        }
    }

    @Test
    void anAnswerLongerThanTheContextAndTheTurnAfterIt() {
        try (LlamaSession session = session(256)) {
            Chat chat = new Chat(session, ChatOptions.defaults().withSystem("Be short."));
            for (int i = 0; i < 5; i++) {
                chat.send("Tell me a story.", SHIFT.withMaxTokens(300)).text();
            }
            assertThat(chat.send("What is the capital of France?", SHIFT).text())
                    .isEqualTo("The capital of France is Paris.");
        }
    }

    @Test
    void aQuestionThatNeverFits() {
        try (LlamaSession session = session(256)) {
            Chat chat = new Chat(session);
            chat.send("Wave at me.", SHIFT).text();
            assertThatThrownBy(() -> chat.send("word ".repeat(400), SHIFT))
                    .isInstanceOf(PromptTooLongException.class);
            assertThat(chat.messages()).hasSize(2);
            assertThat(chat.send("Wave at me.", SHIFT).text()).isEqualTo("👋");
        }
    }

    @Test
    void aResetKeepsTheSystemMessage() {
        try (LlamaSession session = session(512)) {
            Chat chat =
                    new Chat(session, ChatOptions.defaults().withSystem("Be short. ".repeat(9)));
            chat.send("Wave at me.", GREEDY).text();
            chat.reset();
            int kept = session.contextUsed();
            assertThat(kept).isGreaterThan(20);
            TokenStream answer = chat.send("Tell me a story.", GREEDY.withMaxTokens(2));
            answer.text();
            assertThat(answer.stats().cachedTokens()).isEqualTo(kept);
            assertThat(answer.stats().prefilledTokens()).isLessThan(20);
            chat.reset("Be long.");
            assertThat(session.contextUsed()).isLessThan(kept);
        }
    }

    @Test
    void aTurnCanBeTakenBack() {
        try (LlamaSession session = session(512)) {
            Chat chat = new Chat(session);
            assertThat(chat.undo()).isEmpty();
            chat.send("My name is Greta.", GREEDY).text();
            int[] told = session.tokens();
            chat.send("My name is Otto.", GREEDY).text();
            assertThat(chat.undo()).map(ChatMessage::content).contains("My name is Otto.");
            assertThat(chat.messages()).hasSize(2);
            TokenStream answer = chat.send("What is my name?", GREEDY);
            assertThat(answer.text()).isEqualTo("Your name is Greta.");
            assertThat(answer.stats().cachedTokens()).isGreaterThanOrEqualTo(told.length);
        }
    }

    @Test
    void aConversationGoesOnInAnotherProcess() {
        Path file = folder.resolve("chat.session");
        int[] tokens;
        try (LlamaSession session = session(512)) {
            Chat chat = new Chat(session, ChatOptions.defaults().withSystem("Be short."));
            chat.send("My name is Greta.", GREEDY).text();
            tokens = session.tokens();
            chat.save(file);
            chat.save(file);
        }
        try (LlamaModel again = DemoModel.load();
                LlamaSession session =
                        again.newSession(SessionOptions.defaults().withContextSize(300))) {
            Chat chat = new Chat(session);
            chat.restore(file);
            assertThat(session.tokens()).isEqualTo(tokens);
            assertThat(chat.messages())
                    .extracting(ChatMessage::content)
                    .containsExactly("Be short.", "My name is Greta.", "Nice to meet you, Greta!");
            TokenStream answer = chat.send("What is my name?", GREEDY);
            assertThat(answer.text()).isEqualTo("Your name is Greta.");
            assertThat(answer.stats().cachedTokens()).isEqualTo(tokens.length);
        }
        assertThat(folder).isDirectoryNotContaining(path -> path.toString().endsWith(".part"));
    }

    @Test
    void aFileIsPrivateAndStaysWhereAndWhatItIs() throws IOException {
        Path file = folder.resolve("a.session");
        Path link = folder.resolve("link");
        try (LlamaSession session = session(256)) {
            session.decode(5, 6, 7);
            session.save(file);
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                    .isEqualTo("rw-------");
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
            Files.createSymbolicLink(link, Path.of("a.session"));
            session.decode(8);
            session.save(link);
            assertThat(link).isSymbolicLink();
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                    .isEqualTo("rw-r-----");
            session.reset();
            session.restore(file);
            assertThat(session.tokens()).containsExactly(5, 6, 7, 8);
        }
    }

    @Test
    void aSessionThatDoesNotFitIsRefused() throws IOException {
        Path file = folder.resolve("a.session");
        try (LlamaSession session = session(512)) {
            session.decode(IntStream.range(20, 320).toArray());
            session.save(file);
            assertThatThrownBy(() -> new Chat(session).restore(file))
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("has no chat");
        }
        try (LlamaSession small = session(256)) {
            small.decode(5, 6);
            assertThatThrownBy(() -> small.restore(file))
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining(file + " holds ")
                    .hasMessageContaining("open it with a larger context");
            assertThat(small.tokens()).containsExactly(5, 6);
        }
        try (LlamaSession other =
                model.newSession(
                        DemoModel.ONE_THREAD
                                .withContextSize(512)
                                .withKvTypes(KvType.Q8_0, KvType.Q8_0))) {
            assertThatThrownBy(() -> other.restore(file))
                    .hasMessageContaining(
                            "a KV cache of types F16/F16, and this session one of types Q8_0");
        }
        Path copy = folder.resolve("other.gguf");
        Files.copy(DemoModel.PATH, copy);
        try (RandomAccessFile bytes = new RandomAccessFile(copy.toFile(), "rw")) {
            // A model that was trained further has the same header.
            for (long at = bytes.length() / 2; at < bytes.length(); at += 2048) {
                bytes.seek(at);
                int b = bytes.read();
                bytes.seek(at);
                bytes.write(b ^ 1);
            }
        }
        try (LlamaModel trained = LlamaModel.load(copy);
                LlamaSession session = trained.newSession(DemoModel.ONE_THREAD)) {
            assertThatThrownBy(() -> session.restore(file))
                    .hasMessageContaining(
                            "belongs to another model, " + DemoModel.PATH.getFileName())
                    .hasMessageContaining("this one is " + copy);
        }
        try (LlamaSession session = session(64)) {
            assertThatThrownBy(() -> session.restore(folder.resolve("none")))
                    .hasMessageContaining("none does not exist");
            assertThatThrownBy(() -> session.save(folder.resolve("no/folder")))
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("cannot write session file");
        }
    }

    /** Layers with a sliding window keep no more than it (8192 in this architecture). */
    @Test
    void aFullContextOfLayersWithAWindowMakesRoom() throws IOException {
        Path windowed = folder.resolve("windowed.gguf");
        Shape shape = new Shape("llama4", 4, 256, 64, 4, 2, 64, 16, 1, true);
        RandomModel.write(windowed, shape, Gguf.read(DemoModel.PATH), false, fraction -> true);
        int[] prompt = IntStream.range(0, 9200).map(i -> 20 + i * 7 % 300).toArray();
        try (LlamaModel windowedModel = LlamaModel.load(windowed);
                LlamaSession session =
                        windowedModel.newSession(
                                SessionOptions.defaults()
                                        .withContextSize(9216)
                                        .withBatchSizes(512, 512))) {
            assertThat(session.lane().sequence().canShift()).isFalse();
            GenerationOptions shift = GREEDY.withMaxTokens(40).withContextFull(ContextFull.SHIFT);
            try (TokenStream answer = session.generate(prompt, shift)) {
                answer.text();
                assertThat(answer.stopReason()).contains(StopReason.MAX_TOKENS);
                assertThat(answer.stats().contextUsed()).isBetween(4600, 4700);
            }
            // Near the end of the conversation, all positions that can be seen are there.
            int[] told = session.tokens();
            int[] other = Arrays.copyOf(told, told.length);
            other[told.length - 10] = 5;
            assertThat(cached(session, other)).isEqualTo(told.length - 10);
            // Further back than a window, nothing is left.
            assertThat(cached(session, prompt)).isZero();
            other = prompt.clone();
            other[500] = 5;
            assertThat(cached(session, other)).isZero();
        }
    }

    private static int cached(LlamaSession session, int[] prompt) {
        try (TokenStream answer =
                session.generate(prompt, GenerationOptions.greedy().withMaxTokens(5))) {
            answer.text();
            return answer.stats().cachedTokens();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7, 100, 5000, -1, -9, -17, -300})
    void damagedFilesAreRefused(int where) throws IOException {
        Path file = folder.resolve("a.session");
        try (LlamaSession session = session(256)) {
            session.decode(5, 6, 7);
            session.save(file);
            byte[] good = Files.readAllBytes(file);
            byte[] bad = good.clone();
            bad[where < 0 ? bad.length + where : where] ^= 0x10;
            Files.write(file, bad);
            assertThatThrownBy(() -> session.restore(file)).isInstanceOf(SessionException.class);
            Files.write(file, Arrays.copyOf(good, where < 0 ? good.length + where : where));
            assertThatThrownBy(() -> session.restore(file))
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("is not a session file");
            Files.write(file, good);
            session.restore(file);
            assertThat(session.tokens()).containsExactly(5, 6, 7);
        }
    }

    @Test
    void pipesAndDevicesAreLeftAlone() {
        try (LlamaSession session = session(256)) {
            session.decode(5, 6, 7);
            Path device = Path.of("/dev/null");
            assertThatThrownBy(() -> session.save(device))
                    .isInstanceOf(SessionException.class)
                    .hasMessage(
                            "session file /dev/null is a pipe or a device; name a regular file");
            assertThatThrownBy(() -> session.restore(device))
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("is a pipe or a device");
            assertThatThrownBy(() -> session.save(folder))
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("is a folder");
            assertThat(Files.isRegularFile(device)).isFalse();
        }
    }
}
