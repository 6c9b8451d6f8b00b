package io.github.bigllama.core;

import static io.github.bigllama.core.JavaSamplings.FRANCE;

import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.testing.DemoModel;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Answers of the demo model, with processors and samplers that a user writes. */
abstract class JavaSamplingCase {
    static LlamaModel model;
    static Tokenizer tokenizer;

    @BeforeAll
    static void load() {
        model = DemoModel.load();
        tokenizer = model.tokenizer();
    }

    @AfterAll
    static void close() {
        model.close();
    }

    static LlamaSession open() {
        return model.newSession(DemoModel.ONE_THREAD.withContextSize(1024));
    }

    static String say(LlamaSession session, GenerationOptions options) {
        try (TokenStream answer = session.generate(FRANCE, options)) {
            return answer.text();
        }
    }

    static String say(GenerationOptions options) {
        try (LlamaSession session = open()) {
            return say(session, options);
        }
    }
}
