package io.github.bigllama.cli.chat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;

/** The file with the messages of earlier chats with a model, for the line editor. */
final class HistoryFile {
    private HistoryFile() {}

    /**
     * The file of a model, readable by the user only; empty if none can be created.
     *
     * @param model the name of the model
     */
    static Optional<Path> prepare(String model) {
        Path folder =
                path(
                        System.getProperty("os.name"),
                        Path.of(System.getProperty("user.home")),
                        System.getenv("XDG_STATE_HOME"));
        if (!folder.isAbsolute()) {
            // Java knows no home folder of a user that the system does not know.
            return Optional.empty();
        }
        Path file = folder.resolve(model.replaceAll("[^A-Za-z0-9._+=@-]", "_"));
        try {
            // Earlier versions had one file for all models.
            if (Files.isRegularFile(folder)) {
                Files.delete(folder);
            }
            Files.createDirectories(
                    file.getParent(),
                    PosixFilePermissions.asFileAttribute(
                            PosixFilePermissions.fromString("rwx------")));
            if (Files.notExists(file)) {
                Files.createFile(
                        file,
                        PosixFilePermissions.asFileAttribute(
                                PosixFilePermissions.fromString("rw-------")));
            }
            return Files.isWritable(file) ? Optional.of(file) : Optional.empty();
        } catch (IOException e) {
            // A chat without a history is better than no chat.
            return Optional.empty();
        }
    }

    static Path path(String os, Path home, String stateHome) {
        if (os.startsWith("Mac")) {
            return home.resolve("Library/Application Support/bigllama/history");
        }
        // The XDG standard says to ignore a relative path.
        boolean given = stateHome != null && Path.of(stateHome).isAbsolute();
        return (given ? Path.of(stateHome) : home.resolve(".local/state"))
                .resolve("bigllama/history");
    }
}
