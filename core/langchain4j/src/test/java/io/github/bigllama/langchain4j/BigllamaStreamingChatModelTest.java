package io.github.bigllama.langchain4j;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import java.util.List;
import org.junit.jupiter.api.Disabled;

/** LangChain4j's own tests of a streaming chat model. */
class BigllamaStreamingChatModelTest extends AbstractStreamingChatModelIT {
    @Override
    protected List<StreamingChatModel> models() {
        return List.of(Demo.streaming().build());
    }

    @Override
    protected StreamingChatModel createModelWith(ChatRequestParameters parameters) {
        return Demo.streaming()
                .defaultRequestParameters(Demo.GREEDY.overrideWith(parameters))
                .build();
    }

    @Override
    public StreamingChatModel createModelWith(ChatModelListener listener) {
        return Demo.streaming().listeners(List.of(listener)).build();
    }

    @Override
    protected ChatRequestParameters createIntegrationSpecificParameters(int maxOutputTokens) {
        return ChatRequestParameters.builder().maxOutputTokens(maxOutputTokens).build();
    }

    @Override
    protected boolean supportsModelNameParameter() {
        return false;
    }

    @Override
    protected boolean supportsPartialToolStreaming(StreamingChatModel model) {
        return false;
    }

    @Override
    protected boolean supportsSingleImageInputAsBase64EncodedString() {
        return false;
    }

    @Override
    protected boolean supportsSingleImageInputAsPublicURL() {
        return false;
    }

    // What the demo model, a toy, has not learned.

    @Override
    @Disabled("the demo model has not learned to translate")
    protected void should_respect_system_message(StreamingChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to recall a colour")
    protected void should_respect_multiple_messages(StreamingChatModel model) {}

    @Override
    @Disabled("the demo model has not learned what a field is called")
    protected void should_respect_JSON_response_format(StreamingChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to name a city inside of JSON")
    protected void should_respect_JSON_response_format_with_schema(StreamingChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to name a city inside of JSON")
    protected void should_respect_JsonRawSchema_responseFormat(StreamingChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to call tools")
    protected void should_execute_a_tool_then_answer(StreamingChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to call tools")
    protected void should_execute_a_tool_without_arguments_then_answer(StreamingChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to call tools")
    protected void should_execute_multiple_tools_in_parallel_then_answer(
            StreamingChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to call tools")
    protected void should_force_LLM_to_execute_any_tool(StreamingChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to call tools")
    protected void should_force_LLM_to_execute_specific_tool(StreamingChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to call tools")
    protected void should_execute_a_tool_then_answer_respecting_JSON_response_format_with_schema(
            StreamingChatModel model) {}
}
