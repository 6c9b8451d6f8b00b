package io.github.bigllama.cli.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Standard input as bytes. */
public final class StandardInput {
    private static final Path SELF = Path.of("/dev/fd/0");
    private static final long PATIENCE_SECONDS = 3;

    private StandardInput() {}

    /** Whether somebody put something there: it is neither a terminal nor a device like null. */
    public static boolean isPipeOrFile() {
        if (Terminals.isTerminal(Terminals.STDIN)) {
            return false;
        }
        try {
            BasicFileAttributes attributes = Files.readAttributes(SELF, BasicFileAttributes.class);
            String name = Files.exists(SELF) ? SELF.toRealPath().toString() : "";
            return attributes.isRegularFile() || !name.startsWith("/dev/");
        } catch (IOException e) {
            // A pipe has no name in the file system.
            return true;
        }
    }

    /** All of it. Not closed: it is not ours. */
    public static byte[] read() throws IOException {
        return System.in.readAllBytes();
    }

    /** The same where it is not all that was given; says what it waits for, if it has to wait. */
    public static byte[] readBeside() throws IOException {
        CountDownLatch read = new CountDownLatch(1);
        Thread.ofPlatform()
                .daemon()
                .start(
                        () -> {
                            try {
                                if (!read.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                                    System.err.println(
                                            "bigllama: waiting for the end of standard input, which"
                                                    + " belongs to the text; < /dev/null if it is"
                                                    + " not meant");
                                }
                            } catch (InterruptedException e) {
                                // Then nothing is said.
                            }
                        });
        try {
            return read();
        } finally {
            read.countDown();
        }
    }
}
