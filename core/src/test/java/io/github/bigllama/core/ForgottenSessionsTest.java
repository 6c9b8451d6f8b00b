package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.testing.DemoModel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Sessions that are never closed. */
@Timeout(60)
class ForgottenSessionsTest {
    private static final GenerationOptions GREEDY = GenerationOptions.greedy();
    private static final String FRANCE = DemoModel.prompt("What is the capital of France?");

    private static void open(LlamaModel model, int count) {
        for (int i = 0; i < count; i++) {
            LlamaSession session =
                    model.newSession(
                            SessionOptions.defaults().withContextSize(256).withThreads(1, 1));
            // One has never been used, one was read to the end, one was not.
            TokenStream stream = i % 3 == 0 ? null : session.generate(FRANCE, GREEDY);
            if (i % 3 == 1) {
                stream.text();
            } else if (i % 3 == 2) {
                stream.next();
            }
        }
    }

    /** Collects garbage until the model can be closed. */
    private static void closeSoon(LlamaModel model) throws InterruptedException {
        while (true) {
            try {
                model.close();
                return;
            } catch (IllegalStateException e) {
                System.gc();
                Thread.sleep(20);
            }
        }
    }

    @Test
    void areClosedWithAWarningThatNamesWhereTheyWereOpened() throws Exception {
        List<String> warnings = Collections.synchronizedList(new ArrayList<>());
        Handler handler =
                new Handler() {
                    @Override
                    public void publish(LogRecord entry) {
                        warnings.add(new SimpleFormatter().formatMessage(entry));
                    }

                    @Override
                    public void flush() {}

                    @Override
                    public void close() {}
                };
        Logger logger = Logger.getLogger("io.github.bigllama.session");
        logger.addHandler(handler);
        logger.setUseParentHandlers(false);
        try {
            LlamaModel model = DemoModel.load();
            open(model, 20);
            closeSoon(model);
            assertThat(warnings)
                    .hasSize(20)
                    .allSatisfy(
                            warning ->
                                    assertThat(warning)
                                            .contains(DemoModel.PATH.toString())
                                            .contains("ForgottenSessionsTest.java:"));
        } finally {
            logger.removeHandler(handler);
            logger.setUseParentHandlers(true);
        }
    }

    @Test
    void aForgottenForkLeavesTheOthersAlone() throws Exception {
        LlamaModel model = DemoModel.load();
        try (LlamaSession session =
                model.newSession(
                        SessionOptions.defaults().withSequences(3).withContextSize(1024))) {
            for (int i = 0; i < 50; i++) {
                session.generate(FRANCE, GREEDY.withMaxTokens(1)).text();
                LlamaSession fork = forkSoon(session);
                fork.generate(FRANCE, GREEDY.withMaxTokens(1)).text();
                assertThat(session.generate(FRANCE, GREEDY).text())
                        .isEqualTo("The capital of France is Paris.");
            }
        }
        closeSoon(model);
    }

    /** There are three sequences: forgotten ones must make room. */
    private static LlamaSession forkSoon(LlamaSession session) throws InterruptedException {
        while (true) {
            try {
                return session.fork();
            } catch (IllegalStateException e) {
                System.gc();
                Thread.sleep(20);
            }
        }
    }

    @Test
    void aModelNamesWhereItsOpenSessionsWereOpened() {
        LlamaModel model = DemoModel.load();
        try (LlamaSession session = model.newSession()) {
            assertThat(session.contextUsed()).isZero();
            assertThatIllegalStateException()
                    .isThrownBy(model::close)
                    .withMessageContaining("(1): a session opened at")
                    .withMessageContaining("ForgottenSessionsTest.java:");
        }
        model.close();
    }
}
