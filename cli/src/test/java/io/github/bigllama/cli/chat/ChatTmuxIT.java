package io.github.bigllama.cli.chat;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.Bundle;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code bigllama chat} in tmux, as a person sees it: what stands on the screen. */
class ChatTmuxIT {
    private static final Path TMUX = Path.of("/usr/bin/tmux");

    @TempDir Path folder;

    @BeforeEach
    void needsTmux() {
        Assumptions.assumeTrue(Files.isExecutable(TMUX), "no tmux: this system has no " + TMUX);
    }

    @AfterEach
    void leave() throws Exception {
        if (Files.isExecutable(TMUX)) {
            tmux("kill-server");
        }
    }

    private String tmux(String... arguments) throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                TMUX.toString(),
                                "-S",
                                folder.resolve("socket").toString(),
                                "-f",
                                "/dev/null"));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("LC_ALL", "C.UTF-8");
        builder.environment().put("XDG_STATE_HOME", folder.toString());
        builder.environment().remove("BIGLLAMA_MODEL");
        builder.environment().remove("NO_COLOR");
        Process process = builder.start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor(10, TimeUnit.SECONDS);
        return output;
    }

    private void chat(String... more) throws Exception {
        String command =
                "%s chat -m %s --greedy %s; echo left with $?; cat"
                        .formatted(
                                Bundle.built().command(),
                                Bundle.built().demoModel(),
                                String.join(" ", more));
        tmux("new-session", "-d", "-x", "100", "-y", "30", command);
        await("/help for help");
        await("\n>");
    }

    private String screen() throws Exception {
        return tmux("capture-pane", "-p");
    }

    private void await(String text) throws Exception {
        await("'%s'".formatted(text), screen -> screen.contains(text));
    }

    private void await(String what, Predicate<String> expected) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(Bundle.PATIENCE_SECONDS);
        String screen = screen();
        while (!expected.test(screen)) {
            assertThat(System.nanoTime()).as("%s on: %s", what, screen).isLessThan(deadline);
            Thread.sleep(50);
            screen = screen();
        }
    }

    private void type(String text) throws Exception {
        tmux("send-keys", "-l", text);
        tmux("send-keys", "Enter");
    }

    @Test
    void aConversation() throws Exception {
        chat("--session", folder.resolve("a.session").toString());
        type("My name is Greta.");
        await("Nice to meet you, Greta!");
        await("tokens/s; ");
        type("What is my name?");
        await("Your name is Greta.");
        type("/undo");
        await("taken back: What is my name?");
        type("/context");
        await("of 1024 tokens used");
        tmux("send-keys", "-l", "Draw a lama");
        tmux("send-keys", "BSpace", "BSpace", "BSpace");
        type("lama.");
        await("Draw a llama.");
        await("🦙");
        type("/reset");
        await("the conversation is forgotten");
        type("What is my name?");
        await("I do not know your name yet.");
        type("/quit");
        await("left with 0");
        assertThat(folder.resolve("a.session")).isNotEmptyFile();
        assertThat(folder.resolve("bigllama/history")).isDirectory();
    }

    @Test
    void whatWasSaidStaysOnAScreenOfAnotherSize() throws Exception {
        chat();
        type("My name is Greta.");
        await("tokens/s; ");
        tmux("resize-window", "-x", "60", "-y", "20");
        await("Nice to meet you, Greta!");
        tmux("resize-window", "-x", "120", "-y", "40");
        type("What is my name?");
        await("Your name is Greta.");
        assertThat(screen()).contains("Nice to meet you, Greta!");
    }

    @Test
    void settingsAreCompletedAndChanged() throws Exception {
        chat();
        tmux("send-keys", "-l", "/se");
        tmux("send-keys", "Tab");
        await("> /set");
        tmux("send-keys", "-l", "max-t");
        tmux("send-keys", "Tab");
        await("> /set max-tokens");
        type("2");
        await("set max-tokens 2");
        type("Count from 3 to 17.");
        await("cut after 2 tokens");
    }

    @Test
    void filesAreCompletedAndMessagesAreNot() throws Exception {
        Files.createFile(folder.resolve("kept-conversation"));
        chat();
        tmux("send-keys", "-l", "/load " + folder.resolve("kept-c"));
        tmux("send-keys", "Tab");
        await("kept-conversation");
        tmux("send-keys", "C-u");
        tmux("send-keys", "-l", "look at /he");
        tmux("send-keys", "Tab");
        tmux("send-keys", "-l", "re");
        await("> look at /here");
        assertThat(screen()).doesNotContain("/help\n");
    }

    @Test
    void interruptResizeAndLeave() throws Exception {
        chat(Bundle.ENDLESS);
        type("Tell me a story.");
        await("Once upon a time");
        // The line about what is going on.
        await("tokens/s; ");
        tmux("resize-window", "-x", "60", "-y", "20");
        await(
                "the line at the end of the smaller screen, and nowhere else,",
                screen -> {
                    List<String> lines = screen.strip().lines().toList();
                    return lines.getLast().contains("tokens/s; ")
                            && lines.stream().filter(line -> line.contains("tokens/s; ")).count()
                                    == 1;
                });
        tmux("send-keys", "C-c");
        await("interrupted");
        type("/stats");
        await("stopped:   interrupted");
        tmux("send-keys", "C-c");
        await("left with 0");
    }

    /** Whether the reader of lines still has the key, or the answer, or nobody yet. */
    @Test
    void interruptRightAfterEnter() throws Exception {
        chat(Bundle.ENDLESS);
        for (int millis : List.of(0, 1, 2, 3, 5, 8, 12, 20, 40, 80)) {
            String message = String.format(Locale.ROOT, "Tell me a story, in %d ms.", millis);
            tmux("send-keys", "-l", message);
            await(message);
            tmux("send-keys", "Enter");
            Thread.sleep(millis);
            tmux("send-keys", "C-c");
            awaitPrompt();
        }
        type("/reset");
        await("the conversation is forgotten");
        type("/quit");
        await("left with 0");
    }

    private void awaitPrompt() throws Exception {
        await("a prompt", screen -> screen.stripTrailing().endsWith("\n>"));
    }
}
