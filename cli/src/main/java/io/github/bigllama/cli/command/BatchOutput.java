package io.github.bigllama.cli.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.cli.output.LogprobsJson;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.OptionNames;
import io.github.bigllama.core.GenerationStats;
import io.github.bigllama.core.Tokenizer;
import io.github.bigllama.core.chat.ChatBatch;
import io.github.bigllama.core.chat.Reply;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.Channels;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The answers of a batch as JSON lines, in a file or on standard output. A file that has some of
 * them is continued.
 */
final class BatchOutput implements AutoCloseable {
    /** The keys of an answer. */
    static final List<String> KEYS =
            List.of(
                    "line",
                    "content",
                    "reasoning",
                    "stop_reason",
                    "prompt_tokens",
                    "tokens",
                    "logprobs",
                    "error");

    private final @Nullable Path file;
    private final Output standard = Output.standard();

    /** Unlike a channel, it is not closed when the thread is interrupted. Null without a file. */
    private final RandomAccessFile written;

    /** Opens the file; null for standard output. */
    BatchOutput(@Nullable Path file) {
        this.file = file;
        try {
            written = file == null ? null : new RandomAccessFile(file.toFile(), "rw");
        } catch (IOException e) {
            throw failed("write", e);
        }
        if (written != null) {
            lock();
        }
    }

    /** Two processes that continue the same file would write each answer twice. */
    private void lock() {
        try {
            // Held until the file is closed, or the process ends.
            FileLock held = written.getChannel().tryLock();
            if (held == null) {
                throw new OverlappingFileLockException();
            }
        } catch (OverlappingFileLockException e) {
            close();
            throw CommandException.usage(
                    file + " is being written by another process; wait for its end");
        } catch (IOException e) {
            close();
            throw failed("lock", e);
        }
    }

    /**
     * Finds the answers that the file has. What a process that was killed left of a line is
     * removed.
     *
     * @param requests the conversations of the batch
     * @return the number of answers
     * @throws CommandException if they are not answers to these conversations
     */
    long resume(Stream<BatchInput.Request> requests) {
        if (written == null) {
            return 0;
        }
        try {
            long end = endOfLastLine();
            written.setLength(end);
            written.seek(0);
            // Not closed: that would close the file, or release the lock.
            BufferedReader reader =
                    new BufferedReader(
                            Channels.newReader(written.getChannel(), StandardCharsets.UTF_8));
            Iterator<BatchInput.Request> expected = requests.iterator();
            long count = 0;
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                if (!expected.hasNext() || !answers(line, expected.next())) {
                    throw CommandException.usage(
                            String.format(
                                    Locale.ROOT,
                                    "%s, line %d: it does not answer the same line of this batch;"
                                            + " name another file, or remove this one",
                                    file,
                                    count + 1));
                }
                count++;
            }
            written.seek(end);
            return count;
        } catch (IOException e) {
            throw failed("read", e);
        }
    }

    private long endOfLastLine() throws IOException {
        long end = written.length();
        while (end > 0) {
            written.seek(end - 1);
            if (written.read() == '\n') {
                break;
            }
            end--;
        }
        return end;
    }

    private static boolean answers(String line, BatchInput.Request request) {
        try {
            // As the conversation was read: with the same numbers.
            JsonNode node =
                    JsonLine.parse(line, (column, reason) -> CommandException.usage(reason));
            return node instanceof ObjectNode object
                    && object.path("line").toString().equals(Long.toString(request.line()))
                    && object.remove(KEYS).equals(request.kept());
        } catch (CommandException e) {
            return false;
        }
    }

    /** Writes an answer, which stays even if the process is killed. */
    void write(BatchInput.Request request, ChatBatch.Answer answer, Tokenizer tokenizer) {
        ObjectNode node = request.kept().deepCopy().put("line", request.line());
        Reply reply = answer.reply();
        if (answer.failure().isPresent()) {
            node.put("error", OptionNames.of(answer.failure().get().getMessage()));
        } else {
            node.put("content", reply.content());
            if (!reply.reasoning().isEmpty()) {
                node.put("reasoning", reply.reasoning());
            }
            GenerationStats stats = reply.stats().orElseThrow();
            node.put(
                    "stop_reason",
                    reply.stopReason().orElseThrow().name().toLowerCase(Locale.ROOT));
            node.put("prompt_tokens", stats.promptTokens());
            node.put("tokens", stats.generatedTokens());
            if (!reply.logprobs().isEmpty()) {
                node.set("logprobs", LogprobsJson.of(reply.logprobs(), tokenizer));
            }
        }
        String line = node + "\n";
        if (written == null) {
            standard.print(line);
            return;
        }
        try {
            written.write(line.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw failed("write", e);
        }
    }

    private CommandException failed(String verb, IOException e) {
        return new CommandException(
                ExitCode.FAILED,
                "cannot %s %s: %s".formatted(verb, file, CommandException.reason(e)),
                e);
    }

    @Override
    public void close() {
        if (written != null) {
            try {
                written.close();
            } catch (IOException e) {
                throw failed("write", e);
            }
        }
    }
}
