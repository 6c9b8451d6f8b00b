package io.github.bigllama.cli.process;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

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

    /**
     * The same where a text was given already. A program that starts this one often leaves it a
     * pipe that nobody writes to or closes: nothing that comes in {@value #PATIENCE_SECONDS}
     * seconds is nothing, and said to be.
     */
    public static byte[] readBeside() throws IOException {
        CompletableFuture<Integer> first = new CompletableFuture<>();
        Thread.ofPlatform()
                .daemon()
                .name("bigllama-stdin")
                .start(
                        () -> {
                            try {
                                first.complete(System.in.read());
                            } catch (IOException e) {
                                first.completeExceptionally(e);
                            }
                        });
        int begin;
        try {
            begin = first.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            System.err.println(
                    "bigllama: nothing comes from standard input, so it is left out; - waits for it");
            return new byte[0];
        } catch (ExecutionException e) {
            throw new IOException(e.getCause().getMessage(), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while standard input was read", e);
        }
        if (begin < 0) {
            return new byte[0];
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.write(begin);
        System.in.transferTo(bytes);
        return bytes.toByteArray();
    }
}
