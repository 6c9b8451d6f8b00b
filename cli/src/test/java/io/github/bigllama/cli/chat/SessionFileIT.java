package io.github.bigllama.cli.chat;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.Bundle;
import io.github.bigllama.cli.Bundle.Result;
import io.github.bigllama.cli.process.ExitCode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code --session}: conversations that outlive processes. */
class SessionFileIT {
    private final Bundle bundle = Bundle.built();

    @TempDir Path folder;

    @Test
    void runGoesOnWhereRunStopped() {
        String file = folder.resolve("a.session").toString();
        assertThat(bundle.run("run", "--session", file, "My name is Greta.").exitCode()).isZero();
        Result second = bundle.run("run", "--session", file, "--stats", "What is my name?");
        assertThat(second.out()).isEqualTo("Your name is Greta.\n");
        assertThat(second.err()).containsPattern("prompt: +\\d+ tokens, 2\\d of them cached");
        Result chat = bundle.runWith("Thanks!\nWhat is my name?\n", "chat", "--session", file);
        assertThat(chat.out()).endsWith("Your name is Greta.\n");
    }

    @Test
    void aConversationOfManyProcessesOutgrowsTheContext() {
        String file = folder.resolve("a.session").toString();
        String question = "What is the capital of France?";
        for (int i = 0; i < 12; i++) {
            Result result = bundle.run("run", "-c", "256", "--session", file, question);
            assertThat(result.out()).isEqualTo("The capital of France is Paris.\n");
        }
        String longer = question + " And of Italy?".repeat(20);
        String[] stop = {"run", "-c", "256", "--session", file, "--no-context-shift", longer};
        Result stopped = bundle.run(stop);
        assertThat(stopped.complaint()).contains("does not fit the context of 256 tokens");
        assertThat(stopped.exitCode()).isEqualTo(ExitCode.FAILED);
    }

    @Test
    void anotherSystemMessageIsNotForThisConversation() {
        String file = folder.resolve("a.session").toString();
        bundle.run("run", "--session", file, "--system", "Be short.", "My name is Greta.");
        Result same =
                bundle.run("run", "--session", file, "--system", "Be short.", "What is my name?");
        assertThat(same.out()).isEqualTo("Your name is Greta.\n");
        assertThat(same.complaint()).isEmpty();
        Result other =
                bundle.run("run", "--session", file, "--system", "Be rude.", "What is my name?");
        assertThat(other.out()).isEqualTo("Your name is Greta.\n");
        assertThat(other.complaint())
                .isEqualTo(
                        "bigllama: the conversation in "
                                + file
                                + " keeps the system message that it began with; --system is "
                                + "ignored\n");
    }

    @Test
    void whatDoesNotFitIsRefusedInOneLine() throws IOException {
        Path file = folder.resolve("a.session");
        Files.writeString(file, "My diary");
        Result refused = bundle.run("run", "--session", file.toString(), "Hi");
        assertThat(refused.exitCode()).isEqualTo(ExitCode.FAILED);
        assertThat(refused.complaint())
                .isEqualTo(
                        "bigllama: session file "
                                + file
                                + " is not a session file of bigllama, or is cut short\n");
        assertThat(file).content().isEqualTo("My diary");
        assertThat(bundle.run("run", "--raw", "--session", "x", "Hi").complaint())
                .contains("--raw has no conversation");
        assertThat(bundle.run("chat", "--session", folder + "/no/x").complaint())
                .contains("there is no folder " + folder + "/no");
    }

    /** However it ends, the file is what it was after one answer or another. */
    @Test
    void survivesKill9() throws Exception {
        Path file = folder.resolve("a.session");
        for (int i = 0; i < 12; i++) {
            Process process = bundle.start("chat", "--session", file.toString(), "-c", "4096");
            try {
                OutputStream in = process.getOutputStream();
                in.write("Name three colours.\n".repeat(200).getBytes(StandardCharsets.UTF_8));
                in.flush();
                Bundle.readUntil(process.getInputStream(), "\n");
                if (i == 0) {
                    // From then on there is a file to lose.
                    await(file);
                }
                Thread.sleep(5 + 37L * i % 200);
                Bundle.signal("KILL", process);
                assertThat(process.waitFor(Bundle.PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
                assertThat(process.exitValue()).isEqualTo(137);
            } catch (IOException e) {
                // It was killed while it read.
            } finally {
                process.destroyForcibly();
            }
            Result after =
                    bundle.runWith(
                            "/context\n",
                            "chat",
                            "--commands",
                            "--session",
                            file.toString(),
                            "-c",
                            "4096");
            assertThat(after.exitCode()).as(after.err()).isZero();
            assertThat(after.err()).containsPattern("[1-9]\\d* turns?");
        }
    }

    private static void await(Path file) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Bundle.PATIENCE_SECONDS);
        while (!Files.exists(file) && System.nanoTime() < end) {
            Thread.sleep(1);
        }
        assertThat(file).exists();
    }

    @Test
    void aConversationThatAnotherProcessHasSavedStays() throws Exception {
        Path file = folder.resolve("a.session");
        Process chat = bundle.start("chat", "--session", file.toString());
        OutputStream in = chat.getOutputStream();
        in.write("My name is Greta.\n".getBytes(StandardCharsets.UTF_8));
        in.flush();
        for (int i = 0; i < 600 && !Files.exists(file); i++) {
            TimeUnit.MILLISECONDS.sleep(100);
        }
        TimeUnit.MILLISECONDS.sleep(500);
        assertThat(
                        bundle.run(
                                        "run",
                                        "--session",
                                        file.toString(),
                                        "What is the capital of France?")
                                .exitCode())
                .isZero();
        byte[] saved = Files.readAllBytes(file);
        in.write("What is my name?\n".getBytes(StandardCharsets.UTF_8));
        in.close();
        Result result = Bundle.finish(chat);
        assertThat(result.err()).contains("another process has saved one in " + file);
        assertThat(file).hasBinaryContent(saved);
    }

    @Test
    void aConversationMayBeSavedByHandToo() {
        String file = folder.resolve("a.session").toString();
        Result result =
                bundle.runWith(
                        "My name is Greta.\n/save --force " + file + "\nWhat is my name?\n",
                        "chat",
                        "--commands",
                        "--session",
                        file);
        assertThat(result.err()).contains("saved to " + file).doesNotContain("another process");
        assertThat(bundle.run("run", "--session", file, "What is my name?").out())
                .isEqualTo("Your name is Greta.\n");
    }
}
