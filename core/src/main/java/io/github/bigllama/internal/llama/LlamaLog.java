package io.github.bigllama.internal.llama;

import io.github.bigllama.bindings.llama.ggml_log_callback;
import io.github.bigllama.bindings.llama.llama_h;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * llama.cpp's log: every line goes to the System.Logger {@value #NAME} at level DEBUG, with
 * llama.cpp's own level in front, and warnings and errors are kept for the exception if a call
 * fails.
 *
 * <p>DEBUG, because the JDK's default logger prints INFO and above to stderr, and many of
 * llama.cpp's warnings are harmless; the important ones are in exceptions.
 */
@SuppressWarnings("restricted")
public final class LlamaLog {
    static final String NAME = "io.github.bigllama.llama.cpp";

    private static final int KEPT_LINES = 8;

    /** The one buffer of a context whose size llama.cpp reports only in its log. */
    private static final Pattern OUTPUT = Pattern.compile("output buffer size = +([0-9.]+) MiB");

    private static final System.Logger LOGGER = System.getLogger(NAME);

    /** llama.cpp logs on the thread that called it, so each thread collects its own lines. */
    private static final ThreadLocal<Collected> COLLECTED = new ThreadLocal<>();

    /** Beginnings of lines that llama.cpp prints in several calls, by thread. */
    private static final ConcurrentMap<Thread, Line> UNFINISHED = new ConcurrentHashMap<>();

    /** The callback that another class loader installed before; NULL if there is none. */
    private static volatile MemorySegment others = MemorySegment.NULL;

    private LlamaLog() {}

    private record Line(int level, String text) {}

    /**
     * The return value of a call, the last warnings and errors it logged, and the bytes that it
     * logged for the logits and embeddings of a context.
     */
    public record Result<T>(T value, List<String> log, long outputBuffer) {}

    /** The lines that a call has logged so far. */
    private static final class Collected {
        private final Deque<String> problems = new ArrayDeque<>();
        private final Consumer<String> listener;
        private long output;

        Collected(Consumer<String> listener) {
            this.listener = listener;
        }
    }

    /**
     * Redirects llama.cpp's log here for the life of the process. If another class loader shares
     * llama.cpp, its log continues.
     */
    public static void install() {
        MemorySegment mark = llama_h.bigllama_log_nothing$address();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment before = arena.allocate(ValueLayout.ADDRESS);
            MemorySegment beforeData = arena.allocate(ValueLayout.ADDRESS);
            llama_h.llama_log_get(before, beforeData);
            if (beforeData.get(ValueLayout.ADDRESS, 0).equals(mark)) {
                others = before.get(ValueLayout.ADDRESS, 0);
            }
        }
        MemorySegment callback = ggml_log_callback.allocate(LlamaLog::accept, Arena.global());
        llama_h.llama_log_set(callback, mark);
        Runtime.getRuntime().addShutdownHook(new Thread(LlamaLog::uninstall, "bigllama-log-off"));
    }

    /** Runs a native call and collects the warnings and errors that it logs on this thread. */
    public static <T> Result<T> collect(Supplier<T> call) {
        return collect(call, text -> {});
    }

    /**
     * As {@link #collect(Supplier)}, for a call that reports its progress only in its log.
     *
     * @param listener is given each text as soon as it is logged, on this thread and during the
     *     call; a line may come in several texts. Its exceptions are lost
     */
    public static <T> Result<T> collect(Supplier<T> call, Consumer<String> listener) {
        Collected outer = COLLECTED.get();
        Collected collected = new Collected(listener);
        COLLECTED.set(collected);
        try {
            T value = call.get();
            return new Result<>(value, new ArrayList<>(collected.problems), collected.output);
        } finally {
            if (outer == null) {
                COLLECTED.remove();
            } else {
                COLLECTED.set(outer);
            }
        }
    }

    /** Backends log from static destructors, when the JVM has ended. */
    private static void uninstall() {
        llama_h.llama_log_set(llama_h.bigllama_log_nothing$address(), MemorySegment.NULL);
    }

    private static void accept(int level, MemorySegment text, MemorySegment userData) {
        if (!others.equals(MemorySegment.NULL)) {
            ggml_log_callback.invoke(others, level, text, userData);
        }
        // Losing a log line is better than losing the process.
        new UpcallGuard()
                .run(
                        true,
                        () -> {
                            String piece = text.getString(0);
                            append(level, piece);
                            Collected collected = COLLECTED.get();
                            if (collected != null) {
                                collected.listener.accept(piece);
                            }
                            return true;
                        });
    }

    private static void append(int level, String text) {
        Thread thread = Thread.currentThread();
        Line begun = UNFINISHED.remove(thread);
        boolean goesOn = level == llama_h.GGML_LOG_LEVEL_CONT();
        Line line =
                begun == null
                        ? new Line(level, text)
                        : new Line(goesOn ? begun.level : level, begun.text + text);
        if (!text.endsWith("\n")) {
            UNFINISHED.put(thread, line);
            return;
        }
        emit(line.level, line.text.strip());
    }

    private static void emit(int level, String text) {
        if (text.isEmpty()) {
            return;
        }
        Collected collected = COLLECTED.get();
        if (collected != null) {
            collect(collected, level, text);
        }
        LOGGER.log(Level.DEBUG, () -> name(level) + " " + text);
    }

    private static void collect(Collected collected, int level, String text) {
        if (level == llama_h.GGML_LOG_LEVEL_WARN() || level == llama_h.GGML_LOG_LEVEL_ERROR()) {
            if (collected.problems.size() == KEPT_LINES) {
                collected.problems.removeFirst();
            }
            collected.problems.addLast(text);
        }
        Matcher output = OUTPUT.matcher(text);
        if (output.find()) {
            collected.output += (long) (Double.parseDouble(output.group(1)) * (1 << 20));
        }
    }

    private static String name(int level) {
        if (level == llama_h.GGML_LOG_LEVEL_ERROR()) {
            return "ERROR";
        }
        if (level == llama_h.GGML_LOG_LEVEL_WARN()) {
            return "WARN";
        }
        return level == llama_h.GGML_LOG_LEVEL_DEBUG() ? "DEBUG" : "INFO";
    }
}
