package io.github.bigllama.cli.models;

import io.github.bigllama.cli.models.RemoteModel.RemoteFile;
import java.io.File;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.LongConsumer;

/** A model on its way from a server into the models folder. */
public final class Pull {
    private final ModelsFolder folder;
    private final RemoteModel model;
    private final Http http;
    private final Settings settings;
    private final Patience patience;
    private final List<Part> parts;
    private volatile Progress progress;

    /** How it is done; other than usual in tests. */
    record Settings(int blockSize, Patience.Limits limits, Duration slowWindow) {
        static final Settings USUAL =
                new Settings(16 << 20, Patience.Limits.USUAL, Duration.ofSeconds(10));
    }

    /** Is told how far it is, several times a second. */
    public interface Progress {
        /**
         * Bytes of all files.
         *
         * @param total is to come in the end
         * @param trouble why nothing comes at the moment, if that is so
         */
        void pulling(long done, long total, Optional<String> trouble);

        /** Bytes of one file whose checksum is computed. */
        void checking(long done, long total);

        /** A line for the user, to stay. */
        void say(String line);
    }

    /** A file, and what the server says that it is. */
    private record Part(RemoteFile file, Path path, RangeRequests requests) {}

    public Pull(ModelsFolder folder, RemoteModel model, Http http) {
        this(folder, model, http, Settings.USUAL);
    }

    Pull(ModelsFolder folder, RemoteModel model, Http http, Settings settings) {
        this.folder = folder;
        this.model = model;
        this.http = http;
        this.settings = settings;
        patience = new Patience(settings.limits, line -> progress.say(line));
        Pace pace = new Pace(settings.slowWindow);
        parts =
                model.files().stream()
                        .map(
                                file ->
                                        new Part(
                                                file,
                                                folder.path().resolve(file.path()),
                                                new RangeRequests(
                                                        file.address(), http, patience, pace)))
                        .toList();
    }

    /** The name of the model. */
    public String name() {
        return model.name();
    }

    /** Where the first file is, or will be. */
    public Path firstFile() {
        return folder.path().resolve(model.files().getFirst().path());
    }

    /** Ends {@link #run}, from any thread; what has come is kept. */
    public void stop() {
        patience.stop();
        http.cancelAll();
    }

    /**
     * Whether all files are there, and what the server has now.
     *
     * @throws PullException if other files are in their place
     * @throws IOException if the network or the disk fails
     */
    public boolean isComplete(Progress newProgress) throws IOException {
        progress = newProgress;
        folder.requireUsable();
        return areThere().size() == parts.size();
    }

    /**
     * Brings what is missing.
     *
     * @return where the first file is
     * @throws PullException if it can't be had
     * @throws java.util.concurrent.CancellationException after {@link #stop}; what has come is kept
     * @throws IOException if the network or the disk fails; what has come is kept
     */
    public Path run(Progress newProgress) throws IOException {
        progress = newProgress;
        folder.requireUsable();
        // Before anything is written: a mistyped address leaves no trace.
        for (Part part : parts) {
            origin(part);
        }
        createFolder();
        try {
            FolderLock.hold(
                    folder.path(),
                    name(),
                    name() + " is being downloaded by another program; wait for it",
                    // Meanwhile that may have brought some.
                    () -> bring(areThere()));
        } finally {
            folder.deleteEmptyParents(firstFile());
        }
        return firstFile();
    }

    private void createFolder() throws IOException {
        try {
            Files.createDirectories(firstFile().getParent());
        } catch (FileAlreadyExistsException e) {
            throw new PullException(
                    e.getFile() + " is not a folder, or a symbolic link to one that is missing", e);
        }
    }

    private Origin origin(Part part) throws IOException {
        RangeRequests.Info info = part.requests.first();
        if (part.file.size().isPresent() && part.file.size().getAsLong() != info.size()) {
            throw new PullException(
                    "%s has %d bytes, and %d were announced"
                            .formatted(part.requests, info.size(), part.file.size().getAsLong()));
        }
        return new Origin(
                part.file.source(),
                info.version(),
                info.size(),
                part.file.sha256().or(info::sha256));
    }

    private List<Part> areThere() throws IOException {
        List<Part> there = new ArrayList<>();
        for (Part part : parts) {
            if (isThere(part)) {
                there.add(part);
            }
        }
        return there;
    }

    /** A file is the same when its source, its revision and its checksum are. */
    private boolean isThere(Part part) throws IOException {
        if (!Files.exists(part.path)) {
            return false;
        }
        Origin now =
                part.file.sha256().isPresent() && part.file.size().isPresent()
                        ? new Origin(
                                part.file.source(),
                                "",
                                part.file.size().getAsLong(),
                                part.file.sha256())
                        : origin(part);
        long size = Files.size(part.path);
        Optional<Origin> known = Origin.of(part.path).filter(origin -> origin.size() == size);
        boolean isSame =
                known.isPresent()
                        && (known.get().source().equals(now.source())
                                || known.get().sha256().isPresent())
                        && known.get().isSameVersion(now);
        if (isSame) {
            return true;
        }
        // A checksum says more than where it came from.
        if (size == now.size()
                && now.sha256().isPresent()
                && known.flatMap(Origin::sha256).isEmpty()
                && Download.sha256(part.path, patience, done -> progress.checking(done, size))
                        .equalsIgnoreCase(now.sha256().get())) {
            now.save(part.path);
            return true;
        }
        if (known.isEmpty() || !known.get().source().equals(now.source())) {
            throw new PullException(
                    "there is another file at %s, %s; bigllama rm %s deletes it, or move it away"
                            .formatted(
                                    part.path,
                                    known.map(origin -> "from " + shown(origin.source()))
                                            .orElse("which pull did not bring"),
                                    name()));
        }
        return false;
    }

    private static String shown(String source) {
        return source.replaceFirst("\\?.*", "?...");
    }

    private void bring(List<Part> there) throws IOException {
        List<Download> downloads = new ArrayList<>();
        long before = 0;
        for (Part part : parts) {
            long size = origin(part).size();
            if (!there.contains(part)) {
                Download download =
                        new Download(
                                part.path,
                                origin(part),
                                part.requests,
                                patience,
                                http,
                                settings.blockSize);
                downloads.add(download);
                before += download.doneBytes();
                if (Files.exists(part.path)) {
                    progress.say(
                            "the server has another version of %s now; it replaces the old one when all of it has come"
                                    .formatted(part.path.getFileName()));
                }
            } else {
                before += size;
            }
        }
        requireRoom(downloads);
        long total = before + downloads.stream().mapToLong(Download::missingBytes).sum();
        for (Download download : downloads) {
            long others = before - download.doneBytes();
            long size = download.doneBytes() + download.missingBytes();
            LongConsumer pulling =
                    done -> progress.pulling(others + done, total, patience.trouble());
            download.run(pulling, done -> progress.checking(done, size));
            before = others + size;
        }
    }

    private void requireRoom(List<Download> downloads) throws IOException {
        long needed = 0;
        for (Download download : downloads) {
            download.discardUseless();
            needed += download.missingBytes();
        }
        File store = folder.path().toFile();
        long free = store.getUsableSpace();
        // Some systems do not tell.
        if (store.getTotalSpace() > 0 && needed > free) {
            throw new PullException(
                    String.format(
                            Locale.ROOT,
                            "there are %.2f GB free in %s, and %.2f GB are to come: make room, or name another folder by %s",
                            free / 1e9,
                            folder.path(),
                            needed / 1e9,
                            ModelsFolder.VARIABLE));
        }
    }
}
