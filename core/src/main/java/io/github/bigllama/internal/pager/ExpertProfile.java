package io.github.bigllama.internal.pager;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/**
 * Keeps which experts of a model are used most from one process to the next, in a small file per
 * model. A file that is missing, damaged, or of another version or model is ignored; if it can't be
 * written, nothing else is lost.
 */
public final class ExpertProfile {
    private static final System.Logger LOGGER = System.getLogger(ExpertProfile.class.getName());
    private static final String SUFFIX = ".experts";

    /** "BLXP". */
    private static final int MAGIC = 0x424c5850;

    /** The version of the format and of the meaning of scores. */
    private static final int VERSION = 1;

    /** The most experts of all layers; the largest models have a tenth of this. */
    private static final int MOST_EXPERTS = 1 << 18;

    /** The most files in the folder; the oldest are deleted. */
    private static final int MOST_FILES = 32;

    private final Path folder;
    private final byte[] fingerprint;
    private final Path file;

    /**
     * Creates a profile, without reading or writing the file.
     *
     * @param folder need not exist
     * @param fingerprint tells models apart, in characters that are allowed in file names
     */
    public ExpertProfile(Path folder, String fingerprint) {
        this.folder = folder;
        this.fingerprint = fingerprint.getBytes(StandardCharsets.US_ASCII);
        this.file = folder.resolve(fingerprint + SUFFIX);
    }

    /**
     * Reads how often experts were used, layer after layer, with recent uses counting more.
     *
     * @param experts the expected number of experts
     * @return empty if it is unknown
     */
    Optional<float[]> read(int experts) {
        if (experts == 0 || experts > MOST_EXPERTS) {
            return Optional.empty();
        }
        byte[] bytes;
        try (InputStream in = Files.newInputStream(file)) {
            bytes = in.readNBytes(size(experts) + 1);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            LOGGER.log(System.Logger.Level.DEBUG, "cannot read {0}: {1}", file, e);
            return Optional.empty();
        }
        Optional<float[]> scores = scores(bytes, experts);
        if (scores.isEmpty()) {
            LOGGER.log(System.Logger.Level.DEBUG, "{0} is damaged, or not of this model", file);
        }
        return scores;
    }

    private int size(int experts) {
        return 3 * Integer.BYTES + fingerprint.length + experts * Float.BYTES + Long.BYTES;
    }

    private Optional<float[]> scores(byte[] bytes, int experts) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        boolean isOurs =
                bytes.length == size(experts)
                        && in.getLong(bytes.length - Long.BYTES) == checksum(bytes)
                        && in.getInt() == MAGIC
                        && in.getInt() == VERSION
                        && in.getInt() == experts
                        && in.slice(in.position(), fingerprint.length)
                                .equals(ByteBuffer.wrap(fingerprint));
        if (!isOurs) {
            return Optional.empty();
        }
        in.position(in.position() + fingerprint.length);
        float[] scores = new float[experts];
        for (int i = 0; i < experts; i++) {
            scores[i] = in.getFloat();
            if (!(scores[i] >= 0 && scores[i] < Float.POSITIVE_INFINITY)) {
                return Optional.empty();
            }
        }
        return Optional.of(scores);
    }

    /** The checksum of all bytes except the checksum itself, which comes last. */
    private static long checksum(byte[] bytes) {
        CRC32 crc = new CRC32();
        crc.update(bytes, 0, bytes.length - Long.BYTES);
        return crc.getValue();
    }

    /** Replaces the saved scores, all of them or none. */
    void write(float[] scores) {
        if (scores.length > MOST_EXPERTS) {
            return;
        }
        ByteBuffer out = ByteBuffer.allocate(size(scores.length));
        out.putInt(MAGIC).putInt(VERSION).putInt(scores.length).put(fingerprint);
        for (float score : scores) {
            out.putFloat(score);
        }
        out.putLong(checksum(out.array()));
        Path temporary = null;
        try {
            Files.createDirectories(folder);
            temporary = Files.createTempFile(folder, "writing-", null);
            Files.write(temporary, out.array());
            Files.move(
                    temporary,
                    file,
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
            prune();
        } catch (IOException e) {
            LOGGER.log(System.Logger.Level.DEBUG, "cannot write {0}: {1}", file, e);
            delete(temporary);
        }
    }

    /** Deletes the oldest files, so that the folder stays small. */
    private void prune() throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.list(folder)) {
            files =
                    all.filter(path -> path.toString().endsWith(SUFFIX))
                            .sorted(Comparator.comparing(ExpertProfile::written))
                            .toList();
        }
        for (int i = 0; i < files.size() - MOST_FILES; i++) {
            delete(files.get(i));
        }
    }

    private static FileTime written(Path path) {
        try {
            return Files.getLastModifiedTime(path);
        } catch (IOException e) {
            // Another process has deleted the file.
            return FileTime.fromMillis(0);
        }
    }

    private static void delete(Path path) {
        try {
            if (path != null) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            LOGGER.log(System.Logger.Level.DEBUG, "cannot delete {0}: {1}", path, e);
        }
    }
}
