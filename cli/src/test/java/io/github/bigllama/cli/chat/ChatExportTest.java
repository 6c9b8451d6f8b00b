package io.github.bigllama.cli.chat;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.bigllama.core.chat.ChatMessage;
import io.github.bigllama.core.chat.Role;
import io.github.bigllama.core.chat.ToolCall;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What leaves a chat, with everything that was said in it. */
class ChatExportTest {
    private static final ToolCall CALL = new ToolCall("1", "weather", "{\"city\":\"Oslo\"}");
    private static final List<ChatMessage> TALK =
            List.of(
                    new ChatMessage(Role.USER, "Is it warm in Oslo?"),
                    new ChatMessage(
                            Role.ASSISTANT, "", "Hm.\nLook.\n", List.of(CALL), Optional.empty()),
                    ChatMessage.result(CALL, "7 degrees"),
                    new ChatMessage(Role.ASSISTANT, "No."));

    @Test
    void markdown() {
        assertThat(ChatExport.markdown(TALK))
                .isEqualTo(
                        """
                        ## You

                        Is it warm in Oslo?

                        ## Model

                        > Hm.
                        > Look.

                        `weather` with `{"city":"Oslo"}`

                        ## Tool weather

                        7 degrees

                        ## Model

                        No.
                        """);
    }

    @Test
    void json() throws Exception {
        JsonNode messages = new ObjectMapper().readTree(ChatExport.json(TALK));
        assertThat(messages).hasSize(4);
        assertThat(messages.get(0))
                .hasToString(
                        """
                        {"role":"user","content":"Is it warm in Oslo?"}""");
        assertThat(messages.get(1))
                .hasToString(
                        """
                        {"role":"assistant","content":"","reasoning_content":"Hm.\\nLook.\\n",\
                        "tool_calls":[{"id":"1","type":"function","function":\
                        {"name":"weather","arguments":"{\\"city\\":\\"Oslo\\"}"}}]}""");
        assertThat(messages.get(2))
                .hasToString(
                        """
                        {"role":"tool","content":"7 degrees","tool_call_id":"1"}""");
    }
}
