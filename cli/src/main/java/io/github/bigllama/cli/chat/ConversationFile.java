package io.github.bigllama.cli.chat;

import io.github.bigllama.cli.output.ProgressLine;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatMessage;
import io.github.bigllama.core.chat.Role;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** The file that keeps a conversation from answer to answer, if there is one. */
public final class ConversationFile {
    private final Chat chat;
    private final Optional<Path> file;

    public ConversationFile(Chat chat, Optional<Path> file) {
        this.chat = chat;
        this.file = file;
    }

    /**
     * Goes on with what is in the file; one that does not exist will be made.
     *
     * @return what to tell the user, if anything
     */
    public Optional<String> restore() {
        if (file.isEmpty()) {
            return Optional.empty();
        }
        if (Files.exists(file.get())) {
            Optional<String> asked = system();
            load(chat, file.get());
            return asked.isEmpty() || asked.equals(system())
                    ? Optional.empty()
                    : Optional.of(
                            "the conversation in %s goes on with the system message it began with, not with that of --system"
                                    .formatted(file.get()));
        }
        Path folder = file.get().toAbsolutePath().getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw CommandException.usage(
                    "cannot keep a session in '%s': there is no folder %s"
                            .formatted(file.get(), folder));
        }
        return Optional.empty();
    }

    private Optional<String> system() {
        return chat.messages().stream()
                .filter(message -> message.role() == Role.SYSTEM)
                .map(ChatMessage::content)
                .findFirst();
    }

    /** Keeps what was said: there as a whole or as it was before, whatever happens. */
    public void save() {
        file.ifPresent(path -> save(chat, path));
    }

    /** Writes a conversation to a file; the memory of a long one takes a while. */
    static void save(Chat chat, Path file) {
        try (ProgressLine line = new ProgressLine(System.err)) {
            line.update("keeping the conversation in " + file);
            chat.save(file);
        }
    }

    /** Goes on with the conversation in a file. */
    static void load(Chat chat, Path file) {
        try (ProgressLine line = new ProgressLine(System.err)) {
            line.update("reading the conversation in " + file);
            chat.restore(file);
        }
    }
}
