package io.github.bigllama.core.forecast;

import io.github.bigllama.core.gguf.ModelFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.commons.io.file.PathUtils;
import org.jspecify.annotations.Nullable;

/**
 * The headers of a model as files that llama.cpp can open: the model itself, or if it is on a web
 * server, sparse files of the same size that contain only the headers, in a temporary folder.
 */
record HeaderCopy(Path path, @Nullable Path folder) implements AutoCloseable {
    static HeaderCopy of(ModelFiles files) {
        if (files.first().path().isPresent()) {
            return new HeaderCopy(files.first().path().get(), null);
        }
        try {
            Path folder = Files.createTempDirectory("bigllama-headers-");
            try {
                return new HeaderCopy(files.writeHeaders(folder), folder);
            } catch (IOException | RuntimeException e) {
                PathUtils.deleteDirectory(folder);
                throw e;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "cannot write the headers of " + files.first().file() + ": " + e.getMessage(),
                    e);
        }
    }

    @Override
    public void close() {
        if (folder != null) {
            try {
                PathUtils.deleteDirectory(folder);
            } catch (IOException e) {
                // The copy is in the folder for temporary files, and takes next to no room.
            }
        }
    }
}
