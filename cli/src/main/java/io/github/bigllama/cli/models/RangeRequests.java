package io.github.bigllama.cli.models;

import io.github.bigllama.cli.network.BusyException;
import io.github.bigllama.cli.network.Http;
import io.github.bigllama.cli.network.Pace;
import io.github.bigllama.cli.network.Patience;
import io.github.bigllama.cli.network.Patience.SlowException;
import io.github.bigllama.cli.network.PullException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/** Requests ranges of one version of a file. Thread-safe once {@link #first} has returned. */
final class RangeRequests {
    private static final int BUFFER = 1 << 16;
    private static final Pattern RANGE =
            Pattern.compile("bytes (\\d{1,18})-(\\d{1,18})/(\\d{1,18})");
    private static final Pattern SHA256 = Pattern.compile("(?:W/)?\"?([0-9a-fA-F]{64})\"?");
    private static final byte[] MAGIC = "GGUF".getBytes(StandardCharsets.US_ASCII);

    /** Enough for the magic, and to show the start of a file that is not a GGUF. */
    private static final int SHOWN = 16;

    private final HttpUrl address;
    private final Http http;
    private final Patience patience;
    private final Pace pace;
    private volatile Info info;

    /**
     * The server's information about the file.
     *
     * @param size size in bytes
     * @param hasRanges whether the server sends ranges; otherwise each response is the whole file
     * @param version the server's name for this version; empty if it gives none
     * @param sha256 its checksum, if the server gives it
     */
    record Info(long size, boolean hasRanges, String version, Optional<String> sha256) {}

    /** Receives bytes of a range. */
    interface Receiver {
        /**
         * Takes bytes.
         *
         * @throws java.io.UncheckedIOException if they can't be written, which is not tried again
         */
        void receive(ByteBuffer bytes, long at);
    }

    RangeRequests(HttpUrl address, Http http, Patience patience, Pace pace) {
        this.address = address;
        this.http = http;
        this.patience = patience;
        this.pace = pace;
    }

    /**
     * Requests the first bytes, and with them the size and the version of the file.
     *
     * @throws PullException if it is not a GGUF file, or the server refuses
     */
    Info first() throws IOException {
        if (info == null) {
            info = patience.again("cannot get " + this, () -> 0, this::readInfo);
        }
        return info;
    }

    private Info readInfo() throws IOException {
        try (Http.Answer answer = send("bytes=0-" + (SHOWN - 1))) {
            requirePlain(answer);
            boolean hasRanges = isPart(answer);
            long size = hasRanges ? Long.parseLong(range(answer, 0).group(3)) : length(answer);
            if (size < 0) {
                throw new PullException(this + ": the server does not say how large it is");
            }
            requireGguf(read(answer));
            patience.progress();
            Matcher sha256 =
                    SHA256.matcher(answer.linkedEtag().or(() -> answer.header("ETag")).orElse(""));
            return new Info(
                    size,
                    hasRanges,
                    version(answer),
                    sha256.matches() ? Optional.of(sha256.group(1)) : Optional.empty());
        }
    }

    private byte[] read(Http.Answer answer) throws IOException {
        try {
            return answer.response().body().byteStream().readNBytes(SHOWN);
        } catch (IOException e) {
            throw http.failure(e, address);
        }
    }

    /** A compressed body is not a range of the file. */
    private void requirePlain(Http.Answer answer) {
        String encoding = answer.header("Content-Encoding").orElse("identity");
        if (!encoding.equalsIgnoreCase("identity")) {
            throw new PullException(
                    "%s: the server sends it compressed (Content-Encoding: %s), though it was asked not to; download it with another program"
                            .formatted(this, encoding));
        }
    }

    /** Some servers send a part with status 200; they still say which part it is. */
    private static boolean isPart(Http.Answer answer) {
        return answer.status() == 206 || answer.header("Content-Range").isPresent();
    }

    private static long length(Http.Answer answer) {
        return answer.response().body().contentLength();
    }

    /** Refuses a file that is not a GGUF at once, such as a page that says "please log in". */
    private void requireGguf(byte[] start) throws IOException {
        for (int i = 0; i < MAGIC.length; i++) {
            if (i >= start.length || start[i] != MAGIC[i]) {
                String shown = new String(start, StandardCharsets.ISO_8859_1);
                throw new PullException(
                        "%s is not a GGUF file: it starts with '%s'"
                                .formatted(this, shown.replaceAll("[^ -~]", ".")));
            }
        }
    }

    private static String version(Http.Answer answer) {
        return answer.header("ETag").or(() -> answer.header("Last-Modified")).orElse("");
    }

    /**
     * Downloads a range; after a failure it continues from where it failed.
     *
     * @param block the range and its progress; begins anew if the server does not send ranges
     * @throws IOException if the range did not arrive after all attempts
     * @throws PullException if the file has changed, or the server refuses
     */
    void range(DownloadState.Block block, Receiver receiver) throws IOException {
        Pace.Watch watch = pace.watch();
        patience.again(
                "cannot get all of " + this,
                block::most,
                () -> {
                    if (!info.hasRanges()) {
                        block.restart();
                    }
                    receive(block, receiver, watch);
                    return null;
                });
    }

    private void receive(DownloadState.Block block, Receiver receiver, Pace.Watch watch)
            throws IOException {
        long from = block.next();
        long end = block.end();
        String wanted = String.format(Locale.ROOT, "bytes=%d-%d", from, end - 1);
        try (Http.Answer answer = send(info.hasRanges() ? wanted : null)) {
            requireSame(answer, from, end);
            InputStream body = answer.response().body().byteStream();
            watch.begin();
            byte[] buffer = new byte[BUFFER];
            while (block.next() < end) {
                int count = body.read(buffer, 0, (int) Math.min(BUFFER, end - block.next()));
                if (count < 0) {
                    throw new IOException("the server ended the connection");
                }
                receiver.receive(ByteBuffer.wrap(buffer, 0, count), block.next());
                if (block.add(count)) {
                    patience.progress();
                }
                if (watch.isSlow(count) && info.hasRanges() && block.next() < end) {
                    throw new SlowException();
                }
            }
            watch.end();
            if (body.read() >= 0) {
                throw new PullException(
                        String.format(
                                Locale.ROOT,
                                "%s: the server sends more than the %d bytes at %d that it announced",
                                this,
                                end - from,
                                from));
            }
        } catch (SlowException | BusyException e) {
            throw e;
        } catch (IOException e) {
            throw http.failure(e, address);
        }
    }

    private void requireSame(Http.Answer answer, long from, long end) throws IOException {
        requirePlain(answer);
        long size;
        if (info.hasRanges() && isPart(answer)) {
            Matcher range = range(answer, from);
            size = Long.parseLong(range.group(3));
            if (size == info.size() && Long.parseLong(range.group(2)) != end - 1) {
                throw new PullException(
                        String.format(
                                Locale.ROOT,
                                "%s: the server sends '%s' for the range to %d",
                                this,
                                range.group(),
                                end - 1));
            }
        } else {
            size = length(answer);
        }
        if (size != info.size() || !version(answer).equals(info.version())) {
            throw new PullException(
                    this + " has changed while it was downloaded; pull it again for the new one");
        }
        if (info.hasRanges() && !isPart(answer)) {
            // Busy servers do this even though they sent ranges before.
            throw new IOException("the server sends the whole file instead of a range");
        }
    }

    private Matcher range(Http.Answer answer, long from) {
        String text = answer.header("Content-Range").orElse("");
        Matcher matcher = RANGE.matcher(text);
        if (!matcher.matches() || Long.parseLong(matcher.group(1)) != from) {
            throw new PullException(
                    String.format(
                            Locale.ROOT,
                            "%s: the server sends '%s' for the range from %d",
                            this,
                            text,
                            from));
        }
        return matcher;
    }

    private Http.Answer send(@Nullable String range) throws IOException {
        Map<String, String> headers = new HashMap<>(Map.of("Accept-Encoding", "identity"));
        if (range != null) {
            headers.put("Range", range);
        }
        Http.Answer answer = http.answer(address, headers);
        if (answer.status() == 200 || answer.status() == 206) {
            return answer;
        }
        answer.close();
        Optional<BusyException> busy = BusyException.of(answer);
        if (busy.isPresent()) {
            throw busy.get();
        }
        throw refused(answer.status());
    }

    private PullException refused(int status) {
        return new PullException(
                switch (status) {
                    case 401, 403 ->
                            String.format(
                                    Locale.ROOT,
                                    "%s: the server says %d: %s",
                                    this,
                                    status,
                                    http.adviceOnRefusal(address));
                    case 404 -> this + ": no such file (404)";
                    case 416 -> this + " is empty, or has become shorter; pull it again";
                    default -> String.format(Locale.ROOT, "%s: the server says %d", this, status);
                });
    }

    /** The address, without parts that may be secret. */
    @Override
    public String toString() {
        return Http.shown(address);
    }
}
