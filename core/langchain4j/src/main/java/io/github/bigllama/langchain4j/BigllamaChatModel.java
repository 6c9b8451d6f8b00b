package io.github.bigllama.langchain4j;

import static dev.langchain4j.model.chat.Capability.RESPONSE_FORMAT_JSON_SCHEMA;

import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import java.util.List;
import java.util.Set;

/**
 * A chat model whose answers come as a whole. Thread-safe. An interrupt of the calling thread ends
 * an answer with a {@link java.util.concurrent.CancellationException}. Messages may have images and
 * sounds if the model was loaded with a projector for them. Closing waits for the answers under
 * way; close it before its model.
 */
public final class BigllamaChatModel implements ChatModel, AutoCloseable {
    private final ChatEngine engine;
    private final List<ChatModelListener> listeners;

    private BigllamaChatModel(Builder builder) {
        engine = builder.engine();
        listeners = builder.listeners();
    }

    /** A builder, which needs a model at least. */
    public static Builder builder() {
        return new Builder();
    }

    /** Makes chat models. */
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
        public BigllamaChatModel build() {
            return new BigllamaChatModel(this);
        }
    }

    @Override
    public ChatResponse doChat(ChatRequest request) {
        return engine.answer(request, text -> {}, thinking -> {}, () -> false);
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

    /** Waits for answers under way, and closes the sessions. Idempotent. */
    @Override
    public void close() {
        engine.close();
    }
}
