package io.github.bigllama.langchain4j;

import static dev.langchain4j.model.chat.Capability.RESPONSE_FORMAT_JSON_SCHEMA;

import dev.langchain4j.internal.InternalStreamingChatResponseHandlerUtils;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A chat model whose answers come in pieces, each answer on a virtual thread of its own.
 * Thread-safe. Tool calls come when they are complete. Messages may have images and sounds if the
 * model was loaded with a projector for them. Closing waits for the answers under way; close it
 * before its model.
 */
public final class BigllamaStreamingChatModel implements StreamingChatModel, AutoCloseable {
    private final ChatEngine engine;
    private final List<ChatModelListener> listeners;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    private BigllamaStreamingChatModel(Builder builder) {
        engine = builder.engine();
        listeners = builder.listeners();
    }

    /** A builder, which needs a model at least. */
    public static Builder builder() {
        return new Builder();
    }

    /** Makes streaming chat models. */
    public static final class Builder extends ChatSettings<Builder> {
        private Builder() {}

        @Override
        Builder self() {
            return this;
        }

        /**
         * Opens the sessions.
         *
         * @throws io.github.bigllama.core.exception.SessionException if there is too little RAM
         */
        public BigllamaStreamingChatModel build() {
            return new BigllamaStreamingChatModel(this);
        }
    }

    /** Cancels one answer. */
    private static final class Handle implements StreamingHandle {
        private volatile boolean isCancelled;

        @Override
        public void cancel() {
            isCancelled = true;
        }

        @Override
        public boolean isCancelled() {
            return isCancelled;
        }
    }

    @Override
    public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
        engine.requireSupported(request);
        threads.execute(() -> answer(request, handler));
    }

    private void answer(ChatRequest request, StreamingChatResponseHandler handler) {
        Handle handle = new Handle();
        try {
            ChatResponse response =
                    engine.answer(
                            request,
                            text ->
                                    InternalStreamingChatResponseHandlerUtils.onPartialResponse(
                                            handler, text, handle),
                            thinking ->
                                    InternalStreamingChatResponseHandlerUtils.onPartialThinking(
                                            handler, thinking, handle),
                            handle::isCancelled);
            for (int i = 0; i < response.aiMessage().toolExecutionRequests().size(); i++) {
                InternalStreamingChatResponseHandlerUtils.onCompleteToolCall(
                        handler,
                        new CompleteToolCall(
                                i, response.aiMessage().toolExecutionRequests().get(i)));
            }
            InternalStreamingChatResponseHandlerUtils.onCompleteResponse(handler, response);
        } catch (CancellationException e) {
            // Who cancels wants to hear no more.
            if (!handle.isCancelled()) {
                fail(handler, e);
            }
        } catch (RuntimeException | Error e) {
            fail(handler, e);
        }
    }

    private static void fail(StreamingChatResponseHandler handler, Throwable failure) {
        InternalStreamingChatResponseHandlerUtils.withLoggingExceptions(
                () -> handler.onError(failure));
    }

    @Override
    public ChatRequestParameters defaultRequestParameters() {
        return engine.defaults();
    }

    @Override
    public List<ChatModelListener> listeners() {
        return listeners;
    }

    @Override
    public Set<Capability> supportedCapabilities() {
        return Set.of(RESPONSE_FORMAT_JSON_SCHEMA);
    }

    /** Waits for answers under way, and closes the sessions. */
    @Override
    public void close() {
        threads.close();
        engine.close();
    }
}
