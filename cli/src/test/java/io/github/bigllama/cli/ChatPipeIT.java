package io.github.bigllama.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.Bundle.Result;
import org.junit.jupiter.api.Test;

/** {@code bigllama chat} over pipes: a line is a message, and only answers are printed. */
class ChatPipeIT {
    private final Bundle bundle = Bundle.built();

    private Result chat(String input, String... more) {
        String[] args = new String[more.length + 1];
        args[0] = "chat";
        System.arraycopy(more, 0, args, 1, more.length);
        return bundle.runWith(input, args);
    }

    @Test
    void remembersUntilItIsReset() {
        Result result =
                chat(
                        """
                        My name is Greta.

                        What is my name?
                        /reset
                        What is my name?
                        """);
        assertThat(result.out())
                .isEqualTo(
                        """
                        Nice to meet you, Greta!
                        Your name is Greta.
                        I do not know your name yet.
                        """);
        assertThat(result.complaint()).isEqualTo("bigllama: forgotten\n");
        assertThat(result.exitCode()).isZero();
    }

    @Test
    void leavesOnQuitAndWithoutALastNewline() {
        assertThat(chat("Draw a llama.\n/quit\nThanks\n").out()).isEqualTo("🦙\n");
        assertThat(chat("Draw a llama.").out()).isEqualTo("🦙\n");
        assertThat(chat("")).satisfies(result -> assertThat(result.exitCode()).isZero());
    }

    @Test
    void laterTurnsComputeOnlyWhatIsNew() {
        Result result = chat("My name is Greta.\nWhat is my name?\n/stats\n");
        assertThat(result.err()).containsPattern("prompt: +\\d+ tokens, [1-9]\\d* of them cached");
    }

    @Test
    void aBackslashGoesOnInTheNextLine() {
        assertThat(chat("What is the capital\\\n of France?\n/stats\n").out()).hasLineCount(1);
    }

    @Test
    void systemBeginsAgain() {
        Result result = chat("My name is Greta.\n/system Be brief.\nWhat is my name?\n/system\n");
        assertThat(result.out())
                .startsWith("Nice to meet you, Greta!\n")
                .doesNotContain("is Greta.");
        assertThat(result.complaint())
                .isEqualTo(
                        """
                        bigllama: a new conversation with this system message
                        bigllama: a new conversation without a system message
                        """);
    }

    @Test
    void helpAndMistypedCommands() {
        Result result = chat("/help\n/rest\n/stats\nDraw a llama.\n");
        assertThat(result.out()).isEqualTo("🦙\n");
        assertThat(result.err())
                .contains("/system TEXT")
                .contains("there is no /rest, only /help /reset /stats /residency /system /quit")
                .contains("no answer yet");
        assertThat(result.exitCode()).as("a script sees that a line failed").isEqualTo(1);
    }

    @Test
    void aMessageThatIsTooLongDoesNotEndTheChat() {
        Result result = chat("word ".repeat(500) + "\nDraw a llama.\n", "-c", "256");
        assertThat(result.out()).isEqualTo("🦙\n");
        assertThat(result.complaint())
                .hasLineCount(1)
                .contains("does not fit the context of 256 tokens", "/reset");
        assertThat(result.exitCode()).isEqualTo(1);
    }

    @Test
    void saysWhyAnAnswerEndsEarly() {
        assertThat(chat("Count from 3 to 17.\n", "-n", "2").complaint())
                .isEqualTo("bigllama: cut after 2 tokens (--max-tokens)\n");
        assertThat(chat("Hi\n", "-c", "256", "--logit-bias", "1023=-inf").complaint())
                .isEqualTo(
                        "bigllama: the context of 256 tokens is full; /reset begins again,"
                                + " --context-size makes it larger\n");
    }
}
