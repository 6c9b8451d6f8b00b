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

/** Reads standard input as bytes. */
public final class StandardInput {
    private static final Path SELF = Path.of("/dev/fd/0");
    private static final long PATIENCE_SECONDS = 3;

    private StandardInput() {}

    /**
     * Whether standard input was redirected to a pipe or a file: it is not a terminal or a device
     * like null.
     */
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

    /** Reads everything. The stream stays open, because it belongs to the process. */
    public static byte[] read() throws IOException {
        return System.in.readAllBytes();
    }

    /**
     * As {@link #read}, if a text was given already. Programs often start this one with a pipe that
     * they neither write to nor close: if nothing arrives in {@value #PATIENCE_SECONDS} seconds,
     * the result is empty, and a remark is printed.
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
                    "bigllama: nothing came from standard input, so it is left out; - waits for "
                            + "it");
            return new byte[0];
        } catch (ExecutionException e) {
            throw new IOException(e.getCause().getMessage(), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("the thread was interrupted while it read standard input", e);
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
