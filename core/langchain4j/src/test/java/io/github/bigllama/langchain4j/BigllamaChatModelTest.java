package io.github.bigllama.langchain4j;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.common.AbstractChatModelIT;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import java.util.List;
import org.junit.jupiter.api.Disabled;

/** LangChain4j's own tests of a chat model. */
class BigllamaChatModelTest extends AbstractChatModelIT {
    @Override
    protected List<ChatModel> models() {
        return List.of(Demo.chat().build());
    }

    @Override
    protected ChatModel createModelWith(ChatRequestParameters parameters) {
        return Demo.chat().defaultRequestParameters(Demo.GREEDY.overrideWith(parameters)).build();
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
    protected void should_respect_system_message(ChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to recall a colour")
    protected void should_respect_multiple_messages(ChatModel model) {}

    @Override
    @Disabled("the demo model has not learned what a field is called")
    protected void should_respect_JSON_response_format(ChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to name a city inside of JSON")
    protected void should_respect_JSON_response_format_with_schema(ChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to name a city inside of JSON")
    protected void should_respect_JsonRawSchema_responseFormat(ChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to call tools")
    protected void should_execute_a_tool_then_answer(ChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to call tools")
    protected void should_execute_a_tool_without_arguments_then_answer(ChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to call tools")
    protected void should_execute_multiple_tools_in_parallel_then_answer(ChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to call tools")
    protected void should_force_LLM_to_execute_any_tool(ChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to call tools")
    protected void should_force_LLM_to_execute_specific_tool(ChatModel model) {}

    @Override
    @Disabled("the demo model has not learned to call tools")
    protected void should_execute_a_tool_then_answer_respecting_JSON_response_format_with_schema(
            ChatModel model) {}
}
