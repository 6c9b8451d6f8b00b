package io.github.bigllama.internal.load;

import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weights;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;

/**
 * Tells models apart without reading them completely: a checksum of the headers, and of a few
 * weights, because a model that is trained further keeps its header.
 */
public final class ModelFingerprint {
    private static final int SAMPLES = 64;
    private static final int SAMPLE = 4096;
    private static final int BUFFER = 1 << 20;

    private ModelFingerprint() {}

    /**
     * Computes the fingerprint; reads a page of each of up to 64 tensors, besides the headers.
     *
     * @param overrides overrides of the metadata, which count as a different model
     * @return SHA-256 in hexadecimal digits
     * @throws IOException if the files can't be read
     */
    public static String of(Weights weights, Map<String, ?> overrides) throws IOException {
        MessageDigest digest = sha256();
        for (int file = 0; file < weights.files().size(); file++) {
            int number = file;
            Path path = weights.files().get(file);
            try (FileChannel channel = FileChannel.open(path)) {
                long header =
                        weights.all().stream()
                                .filter(weight -> weight.file() == number)
                                .mapToLong(Weight::offset)
                                .min()
                                .orElse(channel.size());
                update(digest, channel, 0, header);
                update(digest, Long.toString(channel.size()));
                int step = Math.max(1, weights.all().size() / SAMPLES);
                for (int i = 0; i < weights.all().size(); i += step) {
                    Weight weight = weights.all().get(i);
                    if (weight.file() == file) {
                        long length = Math.min(SAMPLE, weight.size());
                        long middle = weight.offset() + (weight.size() - length) / 2;
                        update(digest, channel, middle, length);
                    }
                }
            }
        }
        update(digest, new TreeMap<>(overrides).toString());
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void update(MessageDigest digest, String text) {
        digest.update(text.getBytes(StandardCharsets.UTF_8));
    }

    private static void update(MessageDigest digest, FileChannel channel, long from, long length)
            throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(BUFFER, length));
        long done = 0;
        while (done < length) {
            buffer.clear().limit((int) Math.min(buffer.capacity(), length - done));
            int count = channel.read(buffer, from + done);
            if (count < 0) {
                throw new IOException("the file ends at byte " + (from + done));
            }
            digest.update(buffer.flip());
            done += count;
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }
}
