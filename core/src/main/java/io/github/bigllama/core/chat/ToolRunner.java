package io.github.bigllama.core.chat;

import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Calls the tools of a chat, whatever they do. */
final class ToolRunner {
    private static final System.Logger LOGGER = System.getLogger("io.github.bigllama.tool");

    private final ChatOptions options;

    ToolRunner(ChatOptions options) {
        this.options = options;
    }

    /**
     * Makes calls, and returns their results in the same order.
     *
     * @throws CancellationException if the thread is interrupted; it stays interrupted
     */
    List<ChatMessage> results(List<ToolCall> calls) {
        boolean isApart = options.toolTimeout().isPresent() || options.parallelToolCalls();
        List<FutureTask<String>> tasks = new ArrayList<>();
        for (ToolCall call : calls) {
            FutureTask<String> task = new FutureTask<>(() -> result(call));
            tasks.add(task);
            if (options.parallelToolCalls() && !Thread.currentThread().isInterrupted()) {
                Thread.ofVirtual().name("bigllama-tool-" + call.name()).start(task);
            }
        }
        List<ChatMessage> results = new ArrayList<>();
        try {
            for (int i = 0; i < calls.size(); i++) {
                if (Thread.currentThread().isInterrupted()) {
                    throw new InterruptedException();
                }
                FutureTask<String> task = tasks.get(i);
                if (!isApart) {
                    task.run();
                } else if (!options.parallelToolCalls()) {
                    Thread.ofVirtual().name("bigllama-tool-" + calls.get(i).name()).start(task);
                }
                results.add(ChatMessage.result(calls.get(i), await(calls.get(i), task)));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while a tool was called");
        } finally {
            tasks.forEach(task -> task.cancel(true));
        }
        return results;
    }

    private String await(ToolCall call, FutureTask<String> task) throws InterruptedException {
        try {
            return options.toolTimeout().isEmpty()
                    ? task.get()
                    : task.get(
                            TimeUnit.NANOSECONDS.convert(options.toolTimeout().get()),
                            TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            task.cancel(true);
            failed(call, e);
            return "error: the tool took too long";
        } catch (ExecutionException e) {
            // Of the listener of failures: what a tool throws is a result.
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw (RuntimeException) e.getCause();
        }
    }

    private String result(ToolCall call) {
        try {
            Tool tool =
                    options.tools().stream()
                            .filter(candidate -> candidate.name().equals(call.name()))
                            .findFirst()
                            .orElse(null);
            if (tool == null) {
                return "error: there is no tool " + call.name();
            }
            if (options.approval().isPresent() && !options.approval().get().test(call)) {
                return "error: the user did not allow this call";
            }
            return ChatMessage.plain(tool.call(call.arguments()));
        } catch (ToolException e) {
            failed(call, e);
            return ChatMessage.plain("error: " + e.getMessage());
        } catch (Throwable e) {
            // An Error comes from the tool as well, and must not end the conversation.
            failed(call, e);
            return "error: the tool failed";
        }
    }

    private void failed(ToolCall call, Throwable failure) {
        LOGGER.log(
                failure instanceof ToolException ? Level.DEBUG : Level.WARNING,
                "the tool " + call.name() + " failed",
                failure);
        options.toolFailure().ifPresent(listener -> listener.accept(call, failure));
    }
}
