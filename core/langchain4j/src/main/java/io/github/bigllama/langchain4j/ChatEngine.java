package io.github.bigllama.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.internal.Json;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.ChatResponseMetadata;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import io.github.bigllama.core.GenerationStats;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatMessage;
import io.github.bigllama.core.chat.ChatOptions;
import io.github.bigllama.core.chat.Reply;
import io.github.bigllama.core.chat.Role;
import io.github.bigllama.core.chat.Tool;
import io.github.bigllama.core.chat.ToolCall;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.ToolChoice;
import io.github.bigllama.core.structure.Grammar;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Answers requests with the sessions of one model. Thread-safe. */
final class ChatEngine implements AutoCloseable {
    /** Tokens that penalties look back at, as in llama.cpp. */
    private static final int PENALTY_TOKENS = 64;

    private static final String ANY_OBJECT = "{\"type\": \"object\"}";

    private final LlamaModel model;
    private final Contents contents;
    private final boolean returnThinking;
    private final ChatRequestParameters defaults;
    private final List<Worker> workers = new ArrayList<>();
    private final BlockingQueue<Worker> idle;

    /** A session, and its chat for the tools that it was made for. */
    private static final class Worker {
        private final LlamaSession session;
        private final ChatOptions options;
        private List<ToolSpecification> tools = List.of();
        private Chat chat;

        Worker(LlamaSession session, ChatOptions options) {
            this.session = session;
            this.options = options;
            this.chat = new Chat(session, options);
        }

        /** Parsing a template takes a while, so that a chat is used as long as it fits. */
        Chat chat(List<ToolSpecification> wanted) {
            if (!wanted.equals(tools)) {
                Tool[] own = wanted.stream().map(ChatEngine::tool).toArray(Tool[]::new);
                chat = new Chat(session, options.withTools(own));
                tools = List.copyOf(wanted);
            }
            return chat;
        }
    }

    ChatEngine(
            LlamaModel model,
            SessionOptions options,
            ChatOptions chatOptions,
            int parallel,
            boolean returnThinking,
            ChatRequestParameters parameters) {
        this.model = model;
        this.contents = new Contents(model);
        this.returnThinking = returnThinking;
        requireOwnName(parameters);
        this.defaults =
                DefaultChatRequestParameters.builder()
                        .overrideWith(parameters)
                        .modelName(modelName())
                        .build();
        idle = new ArrayBlockingQueue<>(parallel);
        try {
            for (int i = 0; i < parallel; i++) {
                workers.add(
                        new Worker(model.newSession(options.withSequences(parallel)), chatOptions));
            }
        } catch (RuntimeException | Error e) {
            workers.forEach(worker -> worker.session.close());
            throw e;
        }
        idle.addAll(workers);
    }

    private String modelName() {
        return model.path().getFileName().toString();
    }

    private void requireOwnName(ChatRequestParameters parameters) {
        String name = parameters.modelName();
        if (name != null && !name.equals(modelName())) {
            throw new UnsupportedFeatureException(
                    "modelName '%s' is not supported: this is a model of %s"
                            .formatted(name, modelName()));
        }
    }

    /**
     * Checks a request without answering it.
     *
     * @throws UnsupportedFeatureException if it asks for what is not supported
     */
    void requireSupported(ChatRequest request) {
        requireOwnName(request.parameters());
        Messages.of(request.messages(), contents);
    }

    ChatRequestParameters defaults() {
        return defaults;
    }

    /**
     * Answers a request.
     *
     * @param text is given the answer in pieces
     * @param thinking is given the reasoning in pieces
     * @param isCancelled asked between tokens
     */
    ChatResponse answer(
            ChatRequest request,
            Consumer<String> text,
            Consumer<String> thinking,
            BooleanSupplier isCancelled) {
        requireOwnName(request.parameters());
        List<ChatMessage> messages = Messages.of(request.messages(), contents);
        GenerationOptions options = options(request.parameters()).withReasoning(thinking);
        Worker worker = take();
        try {
            Chat chat = worker.chat(tools(request.parameters()));
            int last = firstOfTurn(messages);
            chat.reset(messages.subList(0, last));
            try (TokenStream answer = chat.send(messages.subList(last, messages.size()), options)) {
                while (answer.hasNext()) {
                    text.accept(answer.next());
                    if (isCancelled.getAsBoolean()) {
                        throw new CancellationException("the answer was cancelled");
                    }
                }
            }
            return response(chat.reply());
        } finally {
            idle.add(worker);
        }
    }

    private Worker take() {
        try {
            return idle.take();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while other answers were computed");
        }
    }

    /** The last question, or the results of tools after the last answer. */
    private static int firstOfTurn(List<ChatMessage> messages) {
        int first = messages.size() - 1;
        while (first > 0
                && messages.get(first).role() == Role.TOOL
                && messages.get(first - 1).role() == Role.TOOL) {
            first--;
        }
        if (first < 0 || messages.get(first).role() == Role.ASSISTANT) {
            throw new IllegalArgumentException(
                    "the last message must be of the user, or the result of a tool");
        }
        return first;
    }

    private static List<ToolSpecification> tools(ChatRequestParameters parameters) {
        return parameters.toolSpecifications() == null
                ? List.of()
                : parameters.toolSpecifications();
    }

    private static Tool tool(ToolSpecification specification) {
        String schema =
                specification.parameters() == null
                        ? "{\"type\": \"object\", \"properties\": {}}"
                        : schema(specification.parameters());
        String description = specification.description();
        return Tool.of(
                specification.name(),
                description == null ? "" : description,
                schema,
                arguments -> {
                    throw new IllegalStateException("LangChain4j calls the tools");
                });
    }

    private static String schema(JsonSchemaElement element) {
        return element instanceof JsonRawSchema raw
                ? raw.schema()
                : Json.toJson(JsonSchemaElementUtils.toMap(element));
    }

    private static GenerationOptions options(ChatRequestParameters parameters) {
        GenerationOptions options = GenerationOptions.defaults().withSampling(sampling(parameters));
        if (parameters.maxOutputTokens() != null) {
            options = options.withMaxTokens(parameters.maxOutputTokens());
        }
        if (parameters.stopSequences() != null) {
            options = options.withStopStrings(parameters.stopSequences());
        }
        if (parameters.toolChoice() != null) {
            options = options.withToolChoice(choice(parameters.toolChoice()));
        }
        Grammar grammar = grammar(parameters.responseFormat());
        return grammar == null ? options : options.withGrammar(grammar);
    }

    private static ToolChoice choice(dev.langchain4j.model.chat.request.ToolChoice choice) {
        return switch (choice) {
            case AUTO -> ToolChoice.AUTO;
            case REQUIRED -> ToolChoice.REQUIRED;
            case NONE -> ToolChoice.NONE;
        };
    }

    private static SamplingOptions sampling(ChatRequestParameters parameters) {
        SamplingOptions sampling = SamplingOptions.defaults();
        if (parameters.temperature() != null) {
            sampling = sampling.withTemperature(parameters.temperature().floatValue());
        }
        if (parameters.topP() != null) {
            sampling = sampling.withTopP(parameters.topP().floatValue());
        }
        if (parameters.topK() != null) {
            sampling = sampling.withTopK(parameters.topK());
        }
        float frequency = orZero(parameters.frequencyPenalty());
        float presence = orZero(parameters.presencePenalty());
        return frequency == 0 && presence == 0
                ? sampling
                : sampling.withPenalties(
                        new SamplingOptions.Penalties(PENALTY_TOKENS, 1, frequency, presence));
    }

    private static float orZero(@Nullable Double value) {
        return value == null ? 0 : value.floatValue();
    }

    private static @Nullable Grammar grammar(@Nullable ResponseFormat format) {
        if (format == null || format.type() != ResponseFormatType.JSON) {
            return null;
        }
        return Grammar.json(
                format.jsonSchema() == null
                        ? ANY_OBJECT
                        : schema(format.jsonSchema().rootElement()));
    }

    private ChatResponse response(Reply reply) {
        List<ToolExecutionRequest> requests = new ArrayList<>();
        for (ToolCall call : reply.toolCalls()) {
            requests.add(
                    ToolExecutionRequest.builder()
                            .id(call.id().isEmpty() ? UUID.randomUUID().toString() : call.id())
                            .name(call.name())
                            .arguments(call.arguments())
                            .build());
        }
        boolean hasThinking = returnThinking && !reply.reasoning().isEmpty();
        AiMessage message =
                AiMessage.builder()
                        .text(
                                reply.content().isEmpty() && !requests.isEmpty()
                                        ? null
                                        : reply.content())
                        .thinking(hasThinking ? reply.reasoning() : null)
                        .toolExecutionRequests(requests)
                        .build();
        return ChatResponse.builder()
                .aiMessage(message)
                .metadata(
                        ChatResponseMetadata.builder()
                                .id(UUID.randomUUID().toString())
                                .modelName(modelName())
                                .tokenUsage(reply.stats().map(ChatEngine::usage).orElse(null))
                                .finishReason(
                                        requests.isEmpty()
                                                ? reason(reply)
                                                : FinishReason.TOOL_EXECUTION)
                                .build())
                .build();
    }

    private static TokenUsage usage(GenerationStats stats) {
        return new TokenUsage(stats.promptTokens(), stats.generatedTokens());
    }

    private static FinishReason reason(Reply reply) {
        return switch (reply.stopReason().orElse(StopReason.CANCELLED)) {
            case END_OF_GENERATION, STOP_STRING -> FinishReason.STOP;
            case MAX_TOKENS, CONTEXT_FULL -> FinishReason.LENGTH;
            case CANCELLED, TIMEOUT -> FinishReason.OTHER;
        };
    }

    /** Waits for the answers under way, and closes the sessions. Idempotent. */
    @Override
    public synchronized void close() {
        boolean wasInterrupted = false;
        for (int taken = 0; taken < workers.size(); ) {
            try {
                idle.take();
                taken++;
            } catch (InterruptedException e) {
                wasInterrupted = true;
            }
        }
        workers.forEach(worker -> worker.session.close());
        // Requests that still wait are told that the session is closed.
        idle.addAll(workers);
        if (wasInterrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
