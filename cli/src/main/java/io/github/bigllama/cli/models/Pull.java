package io.github.bigllama.cli.models;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalLong;

/** A model on its way from a server into the models folder. */
public final class Pull {
    private static final int BLOCK = 16 << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final long WAIT_MILLIS = 1000;

    private final ModelsFolder folder;
    private final RemoteModel model;
    private final Http http;
    private final int blockSize;
    private final Duration patience;
    private final long waitMillis;

    /** Is told bytes that are there and bytes of all, as far as known; says whether to go on. */
    public interface Progress {
        boolean update(long done, long total);
    }

    public Pull(ModelsFolder folder, RemoteModel model, Http http) {
        this(folder, model, http, BLOCK, PATIENCE, WAIT_MILLIS);
    }

    Pull(
            ModelsFolder folder,
            RemoteModel model,
            Http http,
            int blockSize,
            Duration patience,
            long waitMillis) {
        this.folder = folder;
        this.model = model;
        this.http = http;
        this.blockSize = blockSize;
        this.patience = patience;
        this.waitMillis = waitMillis;
    }

    /** The name of the model. */
    public String name() {
        return model.name();
    }

    /** Where the first file is, or will be. */
    public Path firstFile() {
        return path(model.files().getFirst());
    }

    private Path path(RemoteModel.RemoteFile file) {
        return folder.path().resolve(file.path());
    }

    /** Whether all files are there, of the sizes that are known. */
    public boolean isComplete() throws IOException {
        for (RemoteModel.RemoteFile file : model.files()) {
            if (!isThere(file)) {
                return false;
            }
        }
        return true;
    }

    private boolean isThere(RemoteModel.RemoteFile file) throws IOException {
        Path path = path(file);
        OptionalLong size = file.size();
        return Files.exists(path) && (size.isEmpty() || size.getAsLong() == Files.size(path));
    }

    /**
     * Brings what is missing.
     *
     * @throws PullException if it can't be had
     * @throws java.util.concurrent.CancellationException if the progress said so; what has come is
     *     kept
     * @throws IOException if the network or the disk fails; what has come is kept
     */
    public void run(Progress progress) throws IOException {
        long before = 0;
        for (RemoteModel.RemoteFile file : model.files()) {
            if (!isThere(file)) {
                long earlier = before;
                RangeRequests requests =
                        new RangeRequests(file.address(), http, patience, waitMillis);
                new Download(file, path(file), requests, blockSize)
                        .run(
                                done ->
                                        progress.update(
                                                earlier + done,
                                                Math.max(model.size(), requests.size())));
            }
            before += Files.size(path(file));
        }
    }
}
