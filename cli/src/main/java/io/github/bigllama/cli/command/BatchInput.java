package io.github.bigllama.cli.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.cli.option.Utf8;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.StandardInput;
import io.github.bigllama.core.chat.ChatMessage;
import io.github.bigllama.core.chat.Role;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A file of JSON lines, each of which is a conversation to answer. */
final class BatchInput {
    private static final String FORM =
            "; a line is a string, or an object with \"prompt\" (a string) or \"messages\" (objects"
                    + " with \"role\" and \"content\"), and keys of your own, which are kept";

    private static final Set<String> ROLES = Set.of("system", "user", "assistant");

    private final Path file;

    /** What the file has, if it can be read only once; else null. */
    private final byte @Nullable [] once;

    /**
     * The conversations of a file, or of a pipe.
     *
     * @param file {@code -} for stdin
     */
    BatchInput(Path file) {
        this.file = file;
        try {
            once = file.toString().equals("-") ? StandardInput.read() : pipe(file);
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    private static byte @Nullable [] pipe(Path file) throws IOException {
        boolean isPipe =
                Files.exists(file) && !Files.isRegularFile(file) && !Files.isDirectory(file);
        return isPipe ? Files.readAllBytes(file) : null;
    }

    /**
     * A conversation.
     *
     * @param line its number, from 1
     * @param kept what else the line says, which the answer repeats
     */
    record Request(long line, List<ChatMessage> messages, ObjectNode kept) {}

    /**
     * Checks all lines, so that a mistake is not found after hours.
     *
     * @return the number of conversations
     * @throws CommandException if one is wrong; it says where, and what to do
     */
    long check() {
        try (Stream<Request> requests = requests()) {
            long count = requests.count();
            if (count == 0) {
                throw CommandException.usage(file + " has no lines" + FORM);
            }
            return count;
        }
    }

    /** The conversations in their order; blank lines are left out. */
    Stream<Request> requests() {
        try {
            BufferedReader reader = reader();
            long[] line = {0};
            return Stream.generate(() -> next(reader, line))
                    .takeWhile(text -> text != END)
                    .filter(text -> !text.isBlank())
                    .map(text -> parse(text, line[0]))
                    .onClose(() -> close(reader));
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    private BufferedReader reader() throws IOException {
        return once == null
                ? Files.newBufferedReader(file)
                : new BufferedReader(
                        new InputStreamReader(
                                new ByteArrayInputStream(once),
                                StandardCharsets.UTF_8.newDecoder()));
    }

    /** Told apart from a line by its identity. */
    @SuppressWarnings("StringOperationCanBeSimplified")
    private static final String END = new String("");

    private String next(BufferedReader reader, long[] line) {
        try {
            String text = reader.readLine();
            line[0]++;
            return text == null ? END : line[0] == 1 ? Utf8.withoutMark(text) : text;
        } catch (CharacterCodingException e) {
            throw wrong(line[0] + 1, "", "it is not UTF-8 text");
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    private static void close(BufferedReader reader) {
        try {
            reader.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Request parse(String text, long line) {
        JsonLine.Complaint complaint = (column, reason) -> wrong(line, column, reason);
        JsonNode node = JsonLine.parse(text, complaint);
        if (node.isTextual()) {
            return new Request(line, question(line, node), JsonNodeFactory.instance.objectNode());
        }
        ObjectNode kept = (ObjectNode) node;
        if (kept.has("prompt") == kept.has("messages")) {
            throw wrong(
                    line,
                    "",
                    kept.has("prompt")
                            ? "it has both \"prompt\" and \"messages\""
                            : "it has neither \"prompt\" nor \"messages\"");
        }
        List<ChatMessage> messages =
                kept.has("prompt")
                        ? question(line, kept.get("prompt"))
                        : messages(line, kept.get("messages"));
        kept.remove(List.of("prompt", "messages"));
        JsonLine.requireFree(kept, BatchOutput.KEYS, complaint);
        return new Request(line, messages, kept);
    }

    private List<ChatMessage> question(long line, JsonNode prompt) {
        if (!prompt.isTextual() || prompt.textValue().isBlank()) {
            throw wrong(line, "", "the prompt is empty, or no string");
        }
        return List.of(message(line, Role.USER, prompt.textValue()));
    }

    private List<ChatMessage> messages(long line, JsonNode array) {
        if (!array.isArray()) {
            throw wrong(line, "", "its \"messages\" is " + JsonLine.kind(array));
        }
        List<ChatMessage> messages = new ArrayList<>();
        for (JsonNode node : array) {
            String name = node.path("role").asText();
            if (!ROLES.contains(name) || !node.path("content").isTextual() || node.size() != 2) {
                throw wrong(
                        line,
                        "",
                        String.format(
                                Locale.ROOT,
                                "message %d must have \"role\" (system, user or assistant), "
                                        + "\"content\" (a string), and nothing else",
                                messages.size() + 1));
            }
            Role role = Role.valueOf(name.toUpperCase(Locale.ROOT));
            if (role == Role.SYSTEM && !messages.isEmpty()) {
                throw wrong(line, "", "only the first message may be of the system");
            }
            messages.add(message(line, role, node.get("content").textValue()));
        }
        if (messages.isEmpty() || messages.getLast().role() != Role.USER) {
            throw wrong(line, "", "the last message must be of the user");
        }
        return messages;
    }

    private ChatMessage message(long line, Role role, String content) {
        try {
            return new ChatMessage(role, content);
        } catch (IllegalArgumentException e) {
            throw wrong(line, "", e.getMessage());
        }
    }

    private CommandException wrong(long line, String column, String reason) {
        return CommandException.usage(
                String.format(Locale.ROOT, "%s, line %d%s: %s", file, line, column, reason) + FORM);
    }

    private CommandException unreadable(IOException e) {
        return new CommandException(
                ExitCode.FAILED, "cannot read " + file + ": " + CommandException.reason(e), e);
    }
}
