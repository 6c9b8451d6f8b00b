package io.github.bigllama.core.chat;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The messages of a chat, and those that are left out. */
class HistoryTest {
    private static final ToolCall CALL = new ToolCall("1", "time", "{}");
    private static final ChatMessage ASKING =
            new ChatMessage(Role.ASSISTANT, "", "", List.of(CALL), Optional.empty());

    private static ChatMessage user(String text) {
        return new ChatMessage(Role.USER, text);
    }

    private static ChatMessage model(String text) {
        return new ChatMessage(Role.ASSISTANT, text);
    }

    private static List<String> contents(List<ChatMessage> messages) {
        return messages.stream().map(ChatMessage::content).toList();
    }

    @Test
    void wholeTurnsAreLeftOut() {
        History history = new History("system");
        history.add(List.of(user("a")), ASKING, 0);
        history.add(List.of(ChatMessage.result(CALL, "noon")), model("A"), 0);
        history.add(List.of(user("b")), model("B"), 0);
        List<ChatMessage> added = List.of(user("c"));
        assertThat(history.nextTurn(0, added)).isEqualTo(4);
        assertThat(history.nextTurn(4, added)).isEqualTo(6);
        assertThat(history.nextTurn(6, added)).isEqualTo(6);
        assertThat(contents(history.withoutOldest(4, added)))
                .containsExactly("system", "b", "B", "c");
    }

    @Test
    void aQuestionWhoseToolsAnswerStays() {
        History history = new History(null);
        history.add(List.of(user("a")), model("A"), 0);
        history.add(List.of(user("b")), ASKING, 0);
        List<ChatMessage> results = List.of(ChatMessage.result(CALL, "noon"));
        assertThat(history.nextTurn(0, results)).isEqualTo(2);
        assertThat(history.nextTurn(2, results)).isEqualTo(2);
    }

    @Test
    void undoTakesBackAWholeTurn() {
        History history = new History(null);
        history.add(List.of(user("a")), model("A"), 0);
        history.add(List.of(user("b")), ASKING, 2);
        history.add(List.of(ChatMessage.result(CALL, "noon")), model("B"), 2);
        assertThat(history.undo()).map(ChatMessage::content).contains("b");
        assertThat(history.size()).isEqualTo(2);
        assertThat(history.undo()).map(ChatMessage::content).contains("a");
        assertThat(history.forgotten()).isZero();
        assertThat(history.undo()).isEmpty();
    }

    @Test
    void aCopyGoesItsOwnWay() {
        History history = new History("system");
        history.add(List.of(user("a")), model("A"), 1);
        History copy = history.copy();
        history.begin(null);
        assertThat(contents(copy.all())).containsExactly("system", "a", "A");
        assertThat(copy.forgotten()).isEqualTo(1);
        assertThat(history.all()).isEmpty();
        assertThat(history.hasSystem()).isFalse();
    }
}
