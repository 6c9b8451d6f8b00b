package io.github.bigllama.core.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tools that fail, take long, or are not wanted. */
@Timeout(60)
class ToolRunnerTest {
    private static final ToolCall CALL = new ToolCall("call00000", "tool", "{}");

    private final List<Throwable> told = new ArrayList<>();

    private ChatOptions options(Function<String, String> function) {
        Tool tool = Tool.of("tool", "A tool", "{\"type\":\"object\"}", function);
        return ChatOptions.defaults()
                .withTools(tool)
                .withToolFailure((call, failure) -> told.add(failure));
    }

    private static String result(ChatOptions options) {
        return new ToolRunner(options).results(List.of(CALL)).getFirst().content();
    }

    @Test
    void whatAToolThrowsIsForTheProgram() {
        for (Throwable thrown :
                List.of(
                        new IllegalStateException("password is hunter2"),
                        new StackOverflowError("hunter2"),
                        new NoClassDefFoundError("hunter2"))) {
            told.clear();
            String result =
                    result(
                            options(
                                    arguments -> {
                                        throw ToolRunnerTest.<RuntimeException>sneaky(thrown);
                                    }));
            assertThat(result).isEqualTo("error: the tool failed");
            assertThat(told).containsExactly(thrown);
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> T sneaky(Throwable thrown) throws T {
        throw (T) thrown;
    }

    @Test
    void aToolExceptionIsForTheModel() {
        ChatOptions options =
                options(
                        arguments -> {
                            throw new ToolException("there is no city X\0");
                        });
        assertThat(result(options)).isEqualTo("error: there is no city X\uFFFD");
        assertThat(told).hasSize(1);
    }

    @Test
    void aToolHasItsTime() throws Exception {
        Thread[] runner = new Thread[1];
        ChatOptions slow =
                options(
                        arguments -> {
                            runner[0] = Thread.currentThread();
                            try {
                                TimeUnit.HOURS.sleep(1);
                                return "slept";
                            } catch (InterruptedException e) {
                                return "interrupted";
                            }
                        });
        assertThat(result(slow.withToolTimeout(Duration.ofMillis(50))))
                .isEqualTo("error: the tool took too long");
        assertThat(told).hasSize(1).first().isInstanceOf(TimeoutException.class);
        runner[0].join();
        assertThat(result(options(arguments -> "done").withToolTimeout(Duration.ofMinutes(1))))
                .isEqualTo("done");
    }

    @Test
    void aCallMayBeRefused() {
        List<ToolCall> asked = new ArrayList<>();
        ChatOptions options =
                options(
                                arguments -> {
                                    throw new AssertionError("was called");
                                })
                        .withApproval(call -> !asked.add(call));
        assertThat(result(options)).isEqualTo("error: the user did not allow this call");
        assertThat(asked).containsExactly(CALL);
        assertThat(told).isEmpty();
        assertThat(result(options(arguments -> "done").withApproval(call -> true)))
                .isEqualTo("done");
    }

    @Test
    void callsAreMadeAtTheSameTimeWhereThatIsAllowed() {
        CyclicBarrier both = new CyclicBarrier(2);
        ChatOptions options =
                options(
                        arguments -> {
                            try {
                                both.await(10, TimeUnit.SECONDS);
                                return arguments;
                            } catch (Exception e) {
                                throw new IllegalStateException(e);
                            }
                        });
        ToolCall other = new ToolCall("call00001", "tool", "{\"a\":1}");
        assertThat(
                        new ToolRunner(options.withParallelToolCalls(true))
                                .results(List.of(CALL, other)))
                .extracting(ChatMessage::content)
                .containsExactly("{}", "{\"a\":1}");
    }

    @Test
    void anInterruptedThreadCallsNothing() {
        ChatOptions options =
                options(
                        arguments -> {
                            throw new AssertionError("was called");
                        });
        for (ChatOptions each :
                List.of(
                        options,
                        options.withParallelToolCalls(true),
                        options.withToolTimeout(Duration.ofMinutes(1)))) {
            Thread.currentThread().interrupt();
            assertThatExceptionOfType(CancellationException.class).isThrownBy(() -> result(each));
            assertThat(Thread.interrupted()).isTrue();
        }
        assertThat(told).isEmpty();
    }

    @Test
    void anInterruptEndsTheCallThatIsUnderWay() throws Exception {
        CountDownLatch called = new CountDownLatch(1);
        CountDownLatch ended = new CountDownLatch(1);
        ChatOptions options =
                options(
                                arguments -> {
                                    called.countDown();
                                    try {
                                        TimeUnit.HOURS.sleep(1);
                                    } catch (InterruptedException e) {
                                        ended.countDown();
                                    }
                                    return "done";
                                })
                        .withToolTimeout(Duration.ofMinutes(1));
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread caller =
                Thread.ofPlatform()
                        .uncaughtExceptionHandler((thread, e) -> thrown.set(e))
                        .start(() -> result(options));
        called.await();
        caller.interrupt();
        caller.join();
        ended.await();
        assertThat(thrown.get()).isInstanceOf(CancellationException.class);
    }

    @Test
    void halfOfACharacterIsReplaced() {
        assertThat(result(options(arguments -> "cut \uD83D"))).isEqualTo("cut \uFFFD");
        assertThat(result(options(arguments -> "whole \uD83D\uDE00")))
                .isEqualTo("whole \uD83D\uDE00");
    }

    @Test
    void whatAListenerThrowsIsForTheCaller() {
        ChatOptions options =
                options(
                                arguments -> {
                                    throw new ToolException("no");
                                })
                        .withToolFailure(
                                (call, failure) -> {
                                    throw new UnsupportedOperationException("mine");
                                });
        for (ChatOptions each : List.of(options, options.withToolTimeout(Duration.ofMinutes(1)))) {
            assertThatExceptionOfType(UnsupportedOperationException.class)
                    .isThrownBy(() -> result(each))
                    .withMessage("mine");
        }
    }

    @Test
    void aTimeLimitMayBeLongerThanAnybodyLives() {
        assertThat(result(options(arguments -> "done").withToolTimeout(Duration.ofDays(200_000))))
                .isEqualTo("done");
    }
}
