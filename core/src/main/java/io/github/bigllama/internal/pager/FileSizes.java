package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weights;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Watches that the files of a model do not become shorter: touching a mapping where its file has
 * ended ends the process (SIGBUS). It can't be helped during a computation, but before each.
 */
public final class FileSizes implements AutoCloseable {
    private final Weights weights;

    /** Not channels: an interrupt would close them. */
    private final List<RandomAccessFile> files = new ArrayList<>();

    private final long[] ends;

    /**
     * Opens the files of a model, for their sizes only.
     *
     * @throws IOException if one can't be opened
     */
    public FileSizes(Weights weights) throws IOException {
        this.weights = weights;
        ends = new long[weights.files().size()];
        for (Weight weight : weights.all()) {
            ends[weight.file()] = Math.max(ends[weight.file()], weight.end());
        }
        try {
            for (Path path : weights.files()) {
                files.add(new RandomAccessFile(path.toFile(), "r"));
            }
        } catch (IOException e) {
            close();
            throw e;
        }
    }

    /**
     * All weights must be there.
     *
     * @throws IOException if a file has become shorter than its weights need
     */
    public void require() throws IOException {
        for (int i = 0; i < ends.length; i++) {
            long size = files.get(i).length();
            if (size < ends[i]) {
                throw new IOException(
                        "%s has become shorter while it is in use: %d bytes, its weights end at %d"
                                .formatted(weights.files().get(i), size, ends[i]));
            }
        }
    }

    @Override
    public void close() {
        try {
            for (RandomAccessFile file : files) {
                file.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
