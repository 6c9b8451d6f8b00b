package io.github.bigllama.internal.system;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A small file that the kernel writes when it is read. */
public final class SystemFile {
    private SystemFile() {}

    /** Its text; empty if it can't be read, as where the system has none. */
    public static String text(Path file) {
        // Not by a channel: those read nothing on a thread that has been interrupted.
        try (FileInputStream in = new FileInputStream(file.toFile())) {
            return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }
}
