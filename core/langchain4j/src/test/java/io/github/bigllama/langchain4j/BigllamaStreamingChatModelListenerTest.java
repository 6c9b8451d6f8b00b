package io.github.bigllama.langchain4j;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelListenerIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ToolChoice;
import io.github.bigllama.core.chat.ChatTemplateException;
import java.util.List;

/** LangChain4j's own tests of listeners. */
class BigllamaStreamingChatModelListenerTest extends AbstractStreamingChatModelListenerIT {
    @Override
    protected StreamingChatModel createModel(ChatModelListener listener) {
        return Demo.streaming()
                .temperature(temperature())
                .topP(topP())
                .maxOutputTokens(maxTokens())
                .listeners(List.of(listener))
                .build();
    }

    @Override
    protected String modelName() {
        return Demo.MODEL.path().getFileName().toString();
    }

    /** The demo model's template has no format for tool calls. */
    @Override
    protected StreamingChatModel createFailingModel(ChatModelListener listener) {
        return Demo.streaming()
                .toolSpecifications(List.of(Demo.WEATHER))
                .toolChoice(ToolChoice.REQUIRED)
                .listeners(List.of(listener))
                .build();
    }

    @Override
    protected Class<? extends Exception> expectedExceptionClass() {
        return ChatTemplateException.class;
    }
}
