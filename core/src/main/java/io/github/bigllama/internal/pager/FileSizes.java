package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weights;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Checks that the files of a model have not become shorter: touching a mapping beyond the end of
 * its file ends the process (SIGBUS). That can't be prevented during a computation, but is checked
 * before each.
 */
public final class FileSizes implements AutoCloseable {
    private final Weights weights;

    /** Not channels, because an interrupt would close them. */
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
     * Requires that the files still hold all weights.
     *
     * @throws IOException if a file has become shorter than its weights need
     */
    public void require() throws IOException {
        for (int i = 0; i < ends.length; i++) {
            long size = files.get(i).length();
            if (size < ends[i]) {
                throw new IOException(
                        String.format(
                                Locale.ROOT,
                                "%s has become shorter while it is in use: it has %d bytes, but its weights end at %d",
                                weights.files().get(i),
                                size,
                                ends[i]));
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
