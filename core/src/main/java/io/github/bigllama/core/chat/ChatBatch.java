package io.github.bigllama.core.chat;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.exception.LlamaException;
import io.github.bigllama.core.exception.MediaException;
import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.structure.GrammarException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * Answers many conversations, several at a time, so that each pass over the weights computes tokens
 * of all of those. Use one stream of {@link #answers} at a time.
 */
public final class ChatBatch implements AutoCloseable {
    /**
     * Conversations per session that are begun or answered before the oldest one is: while that
     * takes long, the others go on.
     */
    private static final int AHEAD = 16;

    private final Optional<String> system;
    private final List<LlamaSession> sessions = new ArrayList<>();

    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    /** The chats that nobody is using. */
    private final BlockingQueue<Chat> idle;

    /**
     * Opens the sessions, all of which share a context.
     *
     * @param options {@link SessionOptions#sequences()} is the number of conversations at a time;
     *     they share {@link SessionOptions#contextSize()}
     * @param chat the system message of conversations without one, and the template
     * @throws IllegalStateException if sessions of the model with equal options are open
     */
    public ChatBatch(LlamaModel model, SessionOptions options, ChatOptions chat) {
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(options, "options");
        system = Objects.requireNonNull(chat, "chat").system();
        // The oldest conversation comes first.
        idle = new ArrayBlockingQueue<>(options.sequences(), true);
        try {
            for (int i = 0; i < options.sequences(); i++) {
                sessions.add(model.newSession(options));
                idle.add(new Chat(sessions.getLast(), chat));
            }
        } catch (RuntimeException | Error e) {
            sessions.forEach(LlamaSession::close);
            throw e;
        }
    }

    /**
     * The answer to one conversation.
     *
     * @param reply the reply; empty after a failure
     * @param failure why there is none: a conversation that does not fit into the context, whose
     *     image or sound can't be used, or that the template or the grammar refuses
     */
    public record Answer(Reply reply, Optional<LlamaException> failure) {
        public Answer {
            Objects.requireNonNull(reply, "reply");
            Objects.requireNonNull(failure, "failure");
        }
    }

    /**
     * Answers conversations in their order. They are read a number of them ahead of the answers;
     * closing the stream, or interrupting the thread that reads it, ends all. Tools are not called.
     *
     * <p>A failure of the model, or of its disk, is thrown to the reader of the stream.
     *
     * @param conversations the messages of each, which may begin with a system message and end with
     *     a question
     * @throws IllegalStateException if the batch is closed; then the stream throws it, too
     */
    public Stream<Answer> answers(
            Stream<List<ChatMessage>> conversations, GenerationOptions options) {
        Objects.requireNonNull(options, "options");
        Objects.requireNonNull(conversations, "conversations");
        if (threads.isShutdown()) {
            throw new IllegalStateException("the batch is closed");
        }
        Ahead<List<ChatMessage>, Answer> answers =
                new Ahead<>(
                        conversations.iterator(),
                        messages -> answer(messages, options),
                        threads,
                        AHEAD * sessions.size());
        int traits = Spliterator.ORDERED | Spliterator.NONNULL;
        return StreamSupport.stream(Spliterators.spliteratorUnknownSize(answers, traits), false)
                .onClose(answers::close)
                .onClose(conversations::close);
    }

    private Answer answer(List<ChatMessage> messages, GenerationOptions options) {
        if (messages.isEmpty()) {
            throw new IllegalArgumentException("a conversation has no message");
        }
        Chat chat = take();
        try {
            boolean hasSystem = messages.getFirst().role() == Role.SYSTEM;
            Optional<String> own = hasSystem ? Optional.of(messages.getFirst().content()) : system;
            own.ifPresentOrElse(chat::reset, chat::resetWithoutSystem);
            Reply reply = chat.reply(messages.subList(hasSystem ? 1 : 0, messages.size()), options);
            if (reply.stopReason().equals(Optional.of(StopReason.CANCELLED))) {
                throw new CancellationException("interrupted");
            }
            return new Answer(reply, Optional.empty());
        } catch (PromptTooLongException
                | ChatTemplateException
                | GrammarException
                | MediaException e) {
            return failed(e);
        } catch (DecodeException e) {
            if (e.status() != DecodeException.NO_ROOM) {
                throw e;
            }
            return failed(e);
        } finally {
            idle.add(chat);
        }
    }

    private static Answer failed(LlamaException reason) {
        return new Answer(new Reply("", "", List.of()), Optional.of(reason));
    }

    private Chat take() {
        try {
            return idle.take();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted");
        }
    }

    /** Ends the conversations that are being answered, and closes the sessions. Idempotent. */
    @Override
    public void close() {
        closeOnce();
    }

    /** Two threads would each wait for chats that the other one has. */
    private synchronized void closeOnce() {
        boolean wasInterrupted = false;
        threads.shutdownNow();
        for (int i = 0; i < sessions.size(); ) {
            try {
                idle.take();
                i++;
            } catch (InterruptedException e) {
                wasInterrupted = true;
            }
        }
        sessions.forEach(LlamaSession::close);
        sessions.clear();
        if (wasInterrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
