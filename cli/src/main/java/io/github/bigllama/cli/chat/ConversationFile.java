package io.github.bigllama.cli.chat;

import io.github.bigllama.cli.output.ProgressLine;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatMessage;
import io.github.bigllama.core.chat.Role;
import io.github.bigllama.core.exception.SessionException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The file of {@code --session}, if given, in which a conversation is saved after each answer. */
public final class ConversationFile {
    /** What identifies each file as this process has last read or saved it. */
    private static final Map<Path, List<Object>> SEEN = new ConcurrentHashMap<>();

    private final Chat chat;
    private final @Nullable Path file;

    /** The conversation of a chat; without a file, nothing is saved. */
    public ConversationFile(Chat chat, @Nullable Path file) {
        this.chat = chat;
        this.file = file;
    }

    /**
     * Continues the conversation in the file; if it does not exist, {@link #save} will create it.
     *
     * @return a remark for the user, if there is one
     */
    public Optional<String> restore() {
        if (file == null) {
            return Optional.empty();
        }
        if (Files.exists(file)) {
            Optional<String> asked = system();
            load(chat, file);
            return asked.isEmpty() || asked.equals(system())
                    ? Optional.empty()
                    : Optional.of(
                            "the conversation in %s keeps the system message that it began with; --system is ignored"
                                    .formatted(file));
        }
        Path folder = file.toAbsolutePath().getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw CommandException.usage(
                    "cannot save the session to '%s': there is no folder %s"
                            .formatted(file, folder));
        }
        return Optional.empty();
    }

    /** Whether the conversation is saved. */
    boolean isSaved() {
        return file != null;
    }

    private Optional<String> system() {
        return chat.messages().stream()
                .filter(message -> message.role() == Role.SYSTEM)
                .map(ChatMessage::content)
                .findFirst();
    }

    /**
     * Saves the conversation; the file is then complete, or unchanged, whatever happens.
     *
     * @throws SessionException if another process has saved another one there since it was read
     */
    public void save() {
        if (file == null) {
            return;
        }
        Optional<List<Object>> now = identity(file);
        if (now.isPresent() && !now.get().equals(SEEN.get(key(file)))) {
            throw new SessionException(
                    "the conversation is not saved: another process has saved one in "
                            + file
                            + " meanwhile; in a chat, /save saves it under another name",
                    List.of());
        }
        save(chat, file);
    }

    /** The same for all names of a file in a folder. */
    static Path key(Path file) {
        return file.toAbsolutePath().normalize();
    }

    private static void see(Path file) {
        identity(file).ifPresent(now -> SEEN.put(key(file), now));
    }

    /** Empty if there is no such file. */
    private static Optional<List<Object>> identity(Path file) {
        try {
            BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
            return Optional.of(
                    List.of(
                            now.lastModifiedTime(),
                            now.size(),
                            Optional.ofNullable(now.fileKey())));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Writes a conversation to a file; the KV cache of a long one takes a while. */
    static void save(Chat chat, Path file) {
        try (ProgressLine line = new ProgressLine(System.err)) {
            line.update("saving the conversation to " + file);
            chat.save(file);
        }
        see(file);
    }

    /** Continues the conversation in a file. */
    static void load(Chat chat, Path file) {
        try (ProgressLine line = new ProgressLine(System.err)) {
            line.update("reading the conversation in " + file);
            chat.restore(file);
        }
        see(file);
    }
}
