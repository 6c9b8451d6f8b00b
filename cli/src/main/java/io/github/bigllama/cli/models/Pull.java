package io.github.bigllama.cli.models;

import io.github.bigllama.cli.models.RemoteModel.RemoteFile;
import io.github.bigllama.cli.network.Http;
import io.github.bigllama.cli.network.Pace;
import io.github.bigllama.cli.network.Patience;
import io.github.bigllama.cli.network.PullException;
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
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Downloads a model into the models folder. */
public final class Pull {
    private final ModelsFolder folder;
    private final RemoteModel model;
    private final Http http;
    private final Settings settings;
    private final Patience patience;
    private final List<Part> parts;
    private volatile Progress progress;

    /** Settings of a download, which tests change. */
    record Settings(int blockSize, Patience.Limits limits, Duration slowWindow) {
        static final Settings USUAL =
                new Settings(16 << 20, Patience.Limits.USUAL, Duration.ofSeconds(10));
    }

    /** Is told the progress, several times a second. */
    public interface Progress {
        /**
         * Bytes of all files that have been downloaded.
         *
         * @param total size of all files
         * @param trouble why nothing arrives at the moment, if nothing does; else null
         */
        void pulling(long done, long total, @Nullable String trouble);

        /** Bytes of one file whose checksum is computed. */
        void checking(long done, long total);

        /** A line for the user that stays on the screen. */
        void say(String line);
    }

    /** A file, its path here, and the requests for its ranges. */
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
                Stream.concat(model.files().stream(), model.projector().stream())
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

    /** The path of the first file, which may not exist yet. */
    public Path firstFile() {
        return folder.path().resolve(model.files().getFirst().path());
    }

    /** Whether a part of the model has been downloaded. */
    public boolean hasPart() {
        return parts.stream()
                .anyMatch(
                        part ->
                                Files.exists(part.path())
                                        || Files.exists(ModelsFolder.partial(part.path())));
    }

    /** Ends {@link #run}, from any thread; the downloaded parts are kept. */
    public void stop() {
        patience.stop();
        http.cancelAll();
    }

    /**
     * Whether all files are complete and of the version that the server has now.
     *
     * @throws PullException if different files are in their place
     * @throws IOException if the network or the disk fails
     */
    public boolean isComplete(Progress newProgress) throws IOException {
        progress = newProgress;
        folder.requireUsable();
        return areThere().size() == parts.size();
    }

    /**
     * Downloads the missing parts.
     *
     * @return the path of the first file
     * @throws PullException if the model can't be downloaded
     * @throws java.util.concurrent.CancellationException after {@link #stop}; the downloaded parts
     *     are kept
     * @throws IOException if the network or the disk fails; the downloaded parts are kept
     */
    public Path run(Progress newProgress) throws IOException {
        progress = newProgress;
        folder.requireUsable();
        // Asks the server before anything is written, so that a mistyped address leaves no trace.
        for (Part part : parts) {
            origin(part);
        }
        createFolder();
        try {
            FolderLock.hold(
                    folder.path(),
                    name(),
                    name() + " is being downloaded by another program; wait for it",
                    // The other program may have downloaded parts meanwhile.
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
                    String.format(
                            Locale.ROOT,
                            "%s has %d bytes, but %d were announced",
                            part.requests,
                            info.size(),
                            part.file.size().getAsLong()));
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
        // A checksum is better evidence than the source.
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
                    "there is a different file at %s, %s; delete it with bigllama rm %s, or move it away"
                            .formatted(
                                    part.path,
                                    known.map(origin -> "from " + shown(origin.source()))
                                            .orElse("which pull did not download"),
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
                            "the server now has another version of %s; it will replace the old one when it is complete"
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
                    done -> progress.pulling(others + done, total, patience.trouble().orElse(null));
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
        // Some systems do not say how much is free.
        if (store.getTotalSpace() > 0 && needed > free) {
            throw new PullException(
                    String.format(
                            Locale.ROOT,
                            "%.2f GB are free in %s, but %.2f GB are needed: make room, or name "
                                    + "another folder with %s",
                            free / 1e9,
                            folder.path(),
                            needed / 1e9,
                            ModelsFolder.VARIABLE));
        }
    }
}
