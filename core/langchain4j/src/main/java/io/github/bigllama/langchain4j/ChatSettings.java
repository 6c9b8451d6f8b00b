package io.github.bigllama.langchain4j;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ToolChoice;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.chat.ChatOptions;
import io.github.bigllama.core.option.SessionOptions;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What chat models are made with: the builder of both kinds.
 *
 * @param <B> the builder itself
 */
public abstract sealed class ChatSettings<B extends ChatSettings<B>>
        permits BigllamaChatModel.Builder, BigllamaStreamingChatModel.Builder {
    private final DefaultChatRequestParameters.Builder<?> own = ChatRequestParameters.builder();
    private ChatRequestParameters defaults = DefaultChatRequestParameters.EMPTY;
    private @Nullable LlamaModel model;
    private SessionOptions session = SessionOptions.defaults();
    private ChatOptions template = ChatOptions.defaults();
    private int parallel = 1;
    private boolean returnThinking;
    private List<ChatModelListener> listeners = List.of();

    ChatSettings() {}

    abstract B self();

    /** The model, which stays the caller's: close it after this one. */
    public B model(LlamaModel value) {
        model = Objects.requireNonNull(value, "model");
        return self();
    }

    /**
     * The context, threads and KV cache; {@link #parallel} decides the number of sequences.
     * Default: the largest context that leaves room for the weights.
     */
    public B sessionOptions(SessionOptions value) {
        session = Objects.requireNonNull(value, "sessionOptions");
        return self();
    }

    /**
     * Most answers at a time, which share the context and the passes over the weights; further
     * requests wait: 1, the default, to {@link SessionOptions#MAX_SEQUENCES}.
     */
    public B parallel(int value) {
        if (value < 1 || value > SessionOptions.MAX_SEQUENCES) {
            throw new IllegalArgumentException(
                    "parallel is " + value + ", must be 1 to " + SessionOptions.MAX_SEQUENCES);
        }
        parallel = value;
        return self();
    }

    /**
     * Parameters of requests that don't set them. Values set with the builder's other methods win
     * over these.
     */
    public B defaultRequestParameters(ChatRequestParameters value) {
        defaults = Objects.requireNonNull(value, "defaultRequestParameters");
        return self();
    }

    public B temperature(Double value) {
        own.temperature(value);
        return self();
    }

    public B topP(Double value) {
        own.topP(value);
        return self();
    }

    public B topK(Integer value) {
        own.topK(value);
        return self();
    }

    public B frequencyPenalty(Double value) {
        own.frequencyPenalty(value);
        return self();
    }

    public B presencePenalty(Double value) {
        own.presencePenalty(value);
        return self();
    }

    public B maxOutputTokens(Integer value) {
        own.maxOutputTokens(value);
        return self();
    }

    public B stopSequences(List<String> value) {
        own.stopSequences(value);
        return self();
    }

    public B toolSpecifications(List<ToolSpecification> value) {
        own.toolSpecifications(value);
        return self();
    }

    public B toolChoice(ToolChoice value) {
        own.toolChoice(value);
        return self();
    }

    public B responseFormat(ResponseFormat value) {
        own.responseFormat(value);
        return self();
    }

    /** The Jinja source of a chat template, or {@code chatml}. Default: the model's own. */
    public B chatTemplate(String value) {
        template = ChatOptions.defaults().withTemplate(value);
        return self();
    }

    /** Whether answers have the model's reasoning as their thinking. Default: false. */
    public B returnThinking(boolean value) {
        returnThinking = value;
        return self();
    }

    public B listeners(List<ChatModelListener> value) {
        listeners = List.copyOf(value);
        return self();
    }

    List<ChatModelListener> listeners() {
        return listeners;
    }

    ChatEngine engine() {
        LlamaModel given = Objects.requireNonNull(model, "model");
        return new ChatEngine(
                given,
                session,
                template,
                parallel,
                returnThinking,
                defaults.overrideWith(own.build()));
    }
}
