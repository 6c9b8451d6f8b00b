package io.github.bigllama.cli.command;

import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.PassStats;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Conversations that share the passes over the weights, each on a thread of its own. */
final class ParallelBench implements AutoCloseable {
    private final List<LlamaSession> sessions = new ArrayList<>();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    /**
     * Opens the sessions.
     *
     * @param one the options of a session alone
     */
    ParallelBench(LlamaModel model, SessionOptions one, int count) {
        SessionOptions options =
                one.withContextSize(
                                one.contextSize() <= 0
                                        ? one.contextSize()
                                        : Math.multiplyExact(count, one.contextSize()))
                        .withSequences(count);
        for (int i = 0; i < count; i++) {
            sessions.add(model.newSession(options));
        }
    }

    /**
     * Generates random tokens in each conversation, from its beginning on.
     *
     * @return the passes of one of them, which are those of all; none if all weights fit into RAM
     */
    List<PassStats> generate(int tokens) {
        List<Future<List<PassStats>>> all = new ArrayList<>();
        for (int i = 0; i < sessions.size(); i++) {
            LlamaSession session = sessions.get(i);
            SplittableRandom random = new SplittableRandom(i);
            all.add(threads.submit(() -> generate(session, random, tokens)));
        }
        List<PassStats> passes = List.of();
        for (Future<List<PassStats>> one : all) {
            try {
                passes = one.get();
            } catch (ExecutionException e) {
                throw new CommandException(
                        ExitCode.FAILED, e.getCause().getMessage(), e.getCause());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CancellationException("interrupted");
            }
        }
        return passes;
    }

    private static List<PassStats> generate(
            LlamaSession session, SplittableRandom random, int tokens) {
        List<PassStats> passes = new ArrayList<>();
        session.reset();
        for (int i = 0; i < tokens; i++) {
            session.decode(random.nextInt(session.model().vocabularySize()));
            session.lastPass().ifPresent(passes::add);
        }
        return passes;
    }

    @Override
    public void close() {
        threads.close();
        sessions.forEach(LlamaSession::close);
    }
}
