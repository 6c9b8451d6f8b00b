package io.github.bigllama.langchain4j;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.model.TokenCountEstimator;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.Projector;
import io.github.bigllama.core.chat.ChatMessage.Part;
import io.github.bigllama.core.chat.ToolCall;
import io.github.bigllama.core.media.Media;
import java.util.List;
import java.util.Objects;

/**
 * Counts tokens with the tokenizer of a model: exactly in a text; of messages, their texts and the
 * few tokens that a chat template puts around each. Thread-safe.
 */
public final class BigllamaTokenCountEstimator implements TokenCountEstimator {
    /** Templates begin and end a message, and name its role. */
    private static final int TOKENS_AROUND = 4;

    private final LlamaModel model;

    /** An estimator for a model, of which the vocabulary is enough. */
    public BigllamaTokenCountEstimator(LlamaModel model) {
        this.model = Objects.requireNonNull(model, "model");
    }

    @Override
    public int estimateTokenCountInText(String text) {
        return model.tokenizer().encode(text, false, false).length;
    }

    @Override
    public int estimateTokenCountInMessage(ChatMessage message) {
        int count = 0;
        for (io.github.bigllama.core.chat.ChatMessage part :
                Messages.of(List.of(message), new Contents(model))) {
            count += TOKENS_AROUND + estimateTokenCountInText(part.content());
            for (Part piece : part.parts()) {
                count += piece.media().map(this::tokens).orElse(0);
            }
            count += estimateTokenCountInText(part.reasoning());
            for (ToolCall call : part.toolCalls()) {
                count += TOKENS_AROUND + estimateTokenCountInText(call.name() + call.arguments());
            }
        }
        return count;
    }

    private int tokens(Media media) {
        Projector projector = model.projector().orElseThrow();
        return projector.cells(projector.encode(media));
    }

    @Override
    public int estimateTokenCountInMessages(Iterable<ChatMessage> messages) {
        int count = 0;
        for (ChatMessage message : messages) {
            count += estimateTokenCountInMessage(message);
        }
        return count;
    }
}
