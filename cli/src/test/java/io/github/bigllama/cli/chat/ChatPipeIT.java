package io.github.bigllama.cli.chat;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.bigllama.cli.Bundle;
import io.github.bigllama.cli.Bundle.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code bigllama chat} over pipes: a line is a message, and only answers are printed. */
class ChatPipeIT {
    private final Bundle bundle = Bundle.built();

    private Result chat(String input, String... more) {
        List<String> args = new ArrayList<>(List.of("chat", "--commands"));
        args.addAll(List.of(more));
        return bundle.runWith(input, args.toArray(String[]::new));
    }

    /** A text that somebody else has written may have a line like a command. */
    @Test
    void withoutBeingAskedForNoLineIsACommand(@TempDir Path folder) {
        Path file = folder.resolve("written");
        Result result =
                bundle.runWith("Draw a llama.\n/save " + file + "\n/quit the job\n", "chat");
        assertThat(file).doesNotExist();
        // What the model makes of the last two depends on the folder's name; they are answered.
        assertThat(result.out())
                .startsWith("🦙\n")
                .matches(out -> out.lines().count() >= 3, "has three answers");
        assertThat(result.exitCode()).isZero();
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
        assertThat(result.complaint()).isEqualTo("bigllama: the conversation is forgotten\n");
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
                .contains("/system [TEXT]")
                .contains("there is no command /rest; did you mean /reset?")
                .contains("no answer yet");
        assertThat(result.exitCode()).as("a script sees that a line failed").isEqualTo(1);
    }

    @Test
    void aCommandThatTakesNothingSaysSo() {
        assertThat(chat("/undo 99\n").complaint()).contains("/undo takes nothing after it");
    }

    @Test
    void whatWasSaidCanBeTakenBackAndSaidAgain() {
        Result result =
                chat(
                        """
                        /undo
                        /retry
                        My name is Greta.
                        My name is Otto.
                        /undo
                        What is my name?
                        /retry
                        /context
                        """);
        assertThat(result.out())
                .isEqualTo(
                        """
                        Nice to meet you, Greta!
                        Nice to meet you, Otto!
                        Your name is Greta.
                        Your name is Greta.
                        """);
        assertThat(result.complaint())
                .startsWith(
                        """
                        bigllama: there is nothing to take back
                        bigllama: there is no message to answer again
                        bigllama: taken back: My name is Otto.
                        """)
                .contains("2 turns")
                .containsPattern("\\d+ of 1024 tokens used");
    }

    @Test
    void optionsOfAnswersCanBeSet() {
        Result result =
                chat(
                        """
                        /set
                        /set max-tokens 2
                        Count from 3 to 17.
                        /set n -1
                        /set grammar root ::= "yes" | "no"
                        Is it raining?
                        /set
                        /set nonsense 1
                        /set temp warm
                        /set ctx-size 5
                        /set system Hi
                        /set greedy maybe
                        /set grammar
                        Is it raining?
                        """);
        assertThat(result.out().lines().toList().get(0)).isEqualTo("3 4");
        assertThat(result.out().lines().toList().get(1)).isIn("yes", "no");
        assertThat(result.out().lines().toList().get(2))
                .as("without a value an option is what it was")
                .isNotIn("yes", "no");
        assertThat(result.err())
                .contains("no setting was changed")
                .contains("cut after 2 tokens")
                .contains("max-tokens -1")
                .contains("there is no setting 'system' for answers")
                .contains("--greedy is on or off, not 'maybe'")
                .contains("there is no setting 'nonsense' for answers")
                .containsPattern("Invalid value for option '--temperature'.*'warm'")
                .contains("there is no setting 'ctx-size' for answers");
    }

    /** Of the options that the command was given, only the one that was set is another. */
    @Test
    void whatIsSetTakesThePlaceOfWhatWasGiven() {
        Result result =
                chat(
                        """
                        What is the capital of France?
                        /set max-tokens 30
                        /set max-tokens 20
                        /set temp 0
                        What is the capital of France?
                        /set stop
                        What is the capital of France?
                        /set json-schema {"type":"boolean"}
                        Is it raining?
                        /set
                        """,
                        "--greedy",
                        "--stop",
                        "Paris",
                        "--grammar",
                        "root ::= [^\\n]+");
        assertThat(result.out().lines().toList())
                .hasSize(4)
                .startsWith(
                        "The capital of France is ",
                        "The capital of France is ",
                        "The capital of France is Paris.")
                .last()
                .satisfies(answer -> assertThat(answer).isIn("true", "false"));
        assertThat(result.err()).contains("json-schema {").doesNotContain("grammar root");
        assertThat(result.exitCode()).isZero();
    }

    @Test
    void conversationsAreKeptLoadedAndExported(@TempDir Path folder) throws IOException {
        Path kept = folder.resolve("a.session");
        Path json = folder.resolve("a.json");
        Path markdown = folder.resolve("a.md");
        Result result =
                chat(
                        """
                        /save
                        My name is Greta.
                        /save %1$s
                        /reset
                        /load %1$s
                        What is my name?
                        /export json %2$s
                        /export md %3$s
                        /export md %3$s
                        /export pdf
                        /load %3$s
                        /save %3$s
                        /save %1$s
                        /copy
                        /tools
                        """
                                .formatted(kept, json, markdown));
        assertThat(result.out()).isEqualTo("Nice to meet you, Greta!\nYour name is Greta.\n");
        assertThat(new ObjectMapper().readTree(json.toFile()))
                .hasSize(4)
                .last()
                .satisfies(
                        message ->
                                assertThat(message.path("content").asText())
                                        .isEqualTo("Your name is Greta."));
        assertThat(markdown).content().contains("## You\n\nMy name is Greta.\n\n## Model");
        assertThat(result.err())
                .contains("which file? /save FILE")
                .contains("bigllama: saved to " + kept)
                .contains(markdown + " exists; choose another name, or /save --force")
                .contains("bigllama: 2 messages, ")
                .contains(markdown + " exists; choose another name")
                .contains("there is no format 'pdf', only md and json")
                .contains(markdown + " is not a session file")
                .contains("there is no clipboard here")
                .contains("the model has no tools");
    }

    /** Only what this chat has written or read itself is replaced without being told. */
    @Test
    void aFileIsReplacedOnlyByForce(@TempDir Path folder) throws IOException {
        Path notes = Files.writeString(folder.resolve("notes.txt"), "mine");
        assertThat(chat("Draw a llama.\n/save " + notes + "\n").exitCode()).isEqualTo(1);
        assertThat(notes).hasContent("mine");
        Result forced = chat("Draw a llama.\n/save --force " + notes + "\n/save " + notes + "\n");
        assertThat(forced.complaint())
                .isEqualTo("bigllama: saved to %s\n".formatted(notes).repeat(2));
        assertThat(chat("/load " + notes + "\n").complaint()).contains("2 messages, ");
    }

    @Test
    void otherNamesOfCommands() {
        Result result = chat("My name is Greta.\n/clear\nWhat is my name?\n/?\n/bye\nThanks\n");
        assertThat(result.out()).endsWith("I do not know your name yet.\n").hasLineCount(2);
        assertThat(result.err()).contains("/export md|json [FILE]");
        assertThat(result.err().lines().filter(line -> line.startsWith("/")))
                .allMatch(line -> line.length() <= 80);
    }

    @Test
    void aLongChatForgetsItsBeginning() {
        Result result = chat("What is the capital of France?\n".repeat(30), "-c", "256");
        assertThat(result.out()).isEqualTo("The capital of France is Paris.\n".repeat(30));
        assertThat(result.complaint())
                .contains(
                        "bigllama: the context was full: the model no "
                                + "longer sees the oldest ");
        assertThat(result.exitCode()).isZero();
        Result stopped =
                chat(
                        "What is the capital of France?\n".repeat(30),
                        "-c",
                        "256",
                        "--no-context-shift");
        assertThat(stopped.complaint()).contains("does not fit the context of 256 tokens");
        assertThat(stopped.exitCode()).isEqualTo(1);
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
                        "bigllama: the context of 256 tokens is full; /reset starts over,"
                                + " --context-size makes it larger\n");
    }
}
