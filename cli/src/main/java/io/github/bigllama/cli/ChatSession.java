package io.github.bigllama.cli;

import io.github.bigllama.core.Chat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** The file that keeps a conversation from answer to answer, if there is one. */
final class ChatSession {
    private final Chat chat;
    private final Optional<Path> file;

    ChatSession(Chat chat, Optional<Path> file) {
        this.chat = chat;
        this.file = file;
    }

    /** Goes on with what is in the file; one that does not exist will be made. */
    void restore() {
        if (file.isPresent() && Files.exists(file.get())) {
            chat.restore(file.get());
        } else if (file.isPresent()) {
            Path folder = file.get().toAbsolutePath().getParent();
            if (!Files.isDirectory(folder)) {
                throw CommandException.usage(
                        "cannot keep a session in %s: there is no folder %s"
                                .formatted(file.get(), folder));
            }
        }
    }

    /** Keeps what was said: there as a whole or as it was before, whatever happens. */
    void save() {
        file.ifPresent(chat::save);
    }
}
