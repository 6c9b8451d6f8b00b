package io.github.bigllama.internal.system;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Reads small files that the kernel generates. */
public final class SystemFile {
    private SystemFile() {}

    /** The text of a file; empty if it can't be read or does not exist. */
    public static String text(Path file) {
        // Not with a channel, because those fail on an interrupted thread.
        try (FileInputStream in = new FileInputStream(file.toFile())) {
            return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }
}
