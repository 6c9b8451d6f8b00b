package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.Endless;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;

/** Conversations with the demo model, and what each of them says alone. */
final class Conversations implements AutoCloseable {
    static final int SESSIONS = 8;
    static final int TOKENS = 150;
    static final SessionOptions ALONE =
            DemoModel.ONE_THREAD.withContextSize(1024).withSpeculation(Speculation.OFF);
    static final SessionOptions TOGETHER =
            ALONE.withContextSize(SESSIONS * 1024).withSequences(SESSIONS);
    static final String FRANCE = DemoModel.prompt("What is the capital of France?");
    static final String ANSWER = "The capital of France is Paris.";

    private final LlamaModel model;
    private final SamplingOptions endless;
    private final GenerationOptions greedy;
    private final List<int[]> prompts = new ArrayList<>();
    private final List<int[]> expected = new ArrayList<>();

    Conversations() throws IOException {
        // The difference between kernels is smallest in this type.
        model = LlamaModel.load(DemoModel.PATH.resolveSibling("bigllama-demo-BF16.gguf"));
        endless = SamplingOptions.greedy().withLogitBias(Endless.logitBias(model));
        greedy = GenerationOptions.defaults().withSampling(endless).withMaxTokens(TOKENS);
        int[] text =
                model.tokenizer()
                        .encode(
                                Files.readString(
                                        DemoModel.PATH.resolveSibling("conversation.txt")));
        Random random = new Random(5);
        for (int i = 0; i < SESSIONS; i++) {
            int at = random.nextInt(text.length - 200);
            int[] prompt = Arrays.copyOfRange(text, at, at + 5 + 20 * i);
            prompts.add(prompt);
            expected.add(alone(prompt, greedy));
        }
    }

    LlamaModel model() {
        return model;
    }

    int[] prompt(int conversation) {
        return prompts.get(conversation);
    }

    /** An answer that does not end by itself. */
    GenerationOptions greedy() {
        return greedy;
    }

    @Override
    public void close() {
        model.close();
    }

    int[] alone(int[] prompt, GenerationOptions options) {
        try (LlamaSession session = model.newSession(ALONE)) {
            return tokens(session, prompt, options);
        }
    }

    static int[] tokens(LlamaSession session, int[] prompt, GenerationOptions options) {
        try (TokenStream answer = session.generate(prompt, options)) {
            answer.text();
            return answer.tokens();
        }
    }

    /** Sessions that share a context. */
    record Sessions(List<LlamaSession> all) implements AutoCloseable {
        LlamaSession get(int index) {
            return all.get(index);
        }

        @Override
        public void close() {
            all.forEach(LlamaSession::close);
        }
    }

    Sessions open(int count, SessionOptions options) {
        return new Sessions(
                IntStream.range(0, count).mapToObj(i -> model.newSession(options)).toList());
    }

    static ExecutorService threads(boolean virtual) {
        return virtual
                ? Executors.newVirtualThreadPerTaskExecutor()
                : Executors.newCachedThreadPool();
    }

    /**
     * Asserts that tokens are those of a session alone. Kernels for one token and for several add
     * up in another order, so where two tokens are as good as equally likely, the other one may be
     * chosen, and the text goes on differently.
     */
    void assertSame(int conversation, int[] tokens) {
        int[] alone = expected.get(conversation);
        int end = Math.min(tokens.length, alone.length);
        int at = Arrays.mismatch(tokens, 0, end, alone, 0, end);
        if (at < 0) {
            return;
        }
        int[] before = prompts.get(conversation);
        int[] text = Arrays.copyOf(before, before.length + at);
        System.arraycopy(alone, 0, text, before.length, at);
        try (LlamaSession session = model.newSession(ALONE)) {
            session.decode(text);
            MemorySegment logits = session.logits();
            assertThat(logits.getAtIndex(ValueLayout.JAVA_FLOAT, tokens[at]))
                    .as("token %d of conversation %d".formatted(at, conversation))
                    .isCloseTo(logits.getAtIndex(ValueLayout.JAVA_FLOAT, alone[at]), within(0.1f));
        }
    }
}
