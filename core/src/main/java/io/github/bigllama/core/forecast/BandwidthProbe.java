package io.github.bigllama.core.forecast;

import io.github.bigllama.bindings.NativeLibrary;
import io.github.bigllama.core.gguf.GgmlType;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.Optional;
import java.util.Properties;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Measures speeds once, in bytes or steps per second, and keeps them in the user's cache. */
final class BandwidthProbe {
    private static final String FILE = "bandwidths.properties";
    private static final long MOST_READ = 2L << 30;
    private static final double SECONDS = 2;

    /** A smaller file is read too quickly to measure. */
    private static final long LEAST_FILE = 256L << 20;

    private static final int WRITE_SIZE = 8 << 20;

    private final boolean again;
    private final Path file = NativeLibrary.userCache().resolve(FILE);
    private final Properties known = new Properties();

    /** Begins with the bandwidths measured before, unless everything is to be measured again. */
    BandwidthProbe(boolean again) {
        this.again = again;
        try (InputStream in = Files.newInputStream(file)) {
            known.load(in);
        } catch (IOException | IllegalArgumentException e) {
            // The file is missing or unreadable, and is created anew.
        }
    }

    /** A measurement, which takes a while. */
    private interface Measurement {
        double run() throws IOException;
    }

    /** The bandwidth of the CPU with matrices of a type and a size. */
    double matrices(GgmlType type, int columns, int rows, int threads) {
        return withoutReading(
                String.format(
                        Locale.ROOT,
                        "memory.%s.%d-columns.%d-rows.%d-threads",
                        type.label(),
                        columns,
                        rows,
                        threads),
                () -> MatrixSpeed.of(type, columns, rows, threads));
    }

    /** Seconds that a step of a computation takes at the least. */
    double step(int threads) {
        return 1
                / withoutReading(
                        String.format(Locale.ROOT, "steps.%d-threads", threads),
                        () -> MatrixSpeed.steps(threads));
    }

    private double withoutReading(String key, Measurement measurement) {
        try {
            return once(key, measurement);
        } catch (IOException e) {
            throw new AssertionError("it does not read anything", e);
        }
    }

    /**
     * The bandwidth of a disk.
     *
     * @param model a file on the disk; null for the disk of the cache
     * @param slice bytes to read at a time; 0 for as many as possible
     */
    double disk(@Nullable Path model, long slice) throws IOException {
        Path device = model == null ? folder() : model;
        String pieces = slice == 0 ? "in-order" : "scattered-slices-of-" + (slice >> 10) + "-KiB";
        return once(
                "disk.%s.%s".formatted(Files.getFileStore(device).name(), pieces),
                () -> {
                    if (model != null && Files.size(model) >= LEAST_FILE) {
                        return measure(model, slice);
                    }
                    Optional<Path> beside =
                            Optional.ofNullable(model)
                                    .map(m -> m.toAbsolutePath().getParent())
                                    .filter(Files::isWritable);
                    Path temporary =
                            Files.createTempFile(
                                    beside.isPresent() ? beside.get() : folder(),
                                    "bigllama-probe-",
                                    null);
                    try {
                        fill(temporary);
                        return measure(temporary, slice);
                    } finally {
                        Files.delete(temporary);
                    }
                });
    }

    private Path folder() throws IOException {
        return Files.createDirectories(file.getParent());
    }

    private static double measure(Path path, long slice) throws IOException {
        return slice == 0
                ? DiskSpeed.inOrder(path, MOST_READ, SECONDS)
                : DiskSpeed.ofSlices(path, slice, MOST_READ, SECONDS);
    }

    /** Writes data that no file system can compress, and flushes it to the disk. */
    private static void fill(Path path) throws IOException {
        byte[] bytes = new byte[WRITE_SIZE];
        Random random = new Random(1);
        try (FileChannel out = FileChannel.open(path, StandardOpenOption.WRITE)) {
            for (long size = 0; size < LEAST_FILE; size += WRITE_SIZE) {
                random.nextBytes(bytes);
                ByteBuffer buffer = ByteBuffer.wrap(bytes);
                while (buffer.hasRemaining()) {
                    out.write(buffer);
                }
            }
            out.force(true);
        }
    }

    private double once(String key, Measurement measurement) throws IOException {
        if (!again) {
            try {
                double value = Double.parseDouble(known.getProperty(key, ""));
                if (value > 0) {
                    return value;
                }
            } catch (NumberFormatException e) {
                // Not measured yet.
            }
        }
        double value = measurement.run();
        known.setProperty(key, String.format(Locale.ROOT, "%.0f", value));
        try {
            Files.createDirectories(file.getParent());
            try (OutputStream out = Files.newOutputStream(file)) {
                known.store(out, "Bytes, or steps, per second, as measured here");
            }
        } catch (IOException e) {
            // Without the file the bandwidths are measured again next time.
        }
        return value;
    }
}
