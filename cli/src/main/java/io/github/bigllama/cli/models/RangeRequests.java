package io.github.bigllama.cli.models;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Ranges of one file, all of the same version of it. What fails on the way is tried again. Safe for
 * several threads once {@link #first} has returned.
 */
final class RangeRequests {
    private static final int BUFFER = 1 << 16;
    private static final int ATTEMPTS = 5;
    private static final Pattern RANGE = Pattern.compile("bytes (\\d+)-(\\d+)/(\\d+)");
    private static final Pattern SHA256 = Pattern.compile("\"?([0-9a-fA-F]{64})\"?");
    private static final long LONGEST_WAIT_MILLIS = 60_000;
    private static final byte[] MAGIC = "GGUF".getBytes(StandardCharsets.US_ASCII);

    /** Enough for the magic, and to say what is there instead. */
    private static final int SHOWN = 16;

    private final URI address;
    private final Http http;
    private final Duration patience;
    private final long waitMillis;
    private volatile Info info;

    /**
     * What the server says of the file.
     *
     * @param size in bytes
     * @param hasRanges whether the server sends parts; else each answer is the whole file
     * @param version what the server calls this version; empty if it does not
     * @param sha256 its checksum, if the server gives it
     */
    record Info(long size, boolean hasRanges, String version, Optional<String> sha256) {}

    /** Receives bytes of a range; says whether to go on. */
    interface Receiver {
        /**
         * Takes them.
         *
         * @throws java.io.UncheckedIOException if they can't be kept, which is not tried again
         */
        boolean receive(ByteBuffer bytes, long at);
    }

    /** What is tried again. */
    private interface Attempt<T> {
        T run() throws IOException;
    }

    /** A server that may answer later. */
    private static final class BusyException extends IOException {
        private static final long serialVersionUID = 1;

        private final int status;
        private final long millis;

        BusyException(int status, long millis) {
            super("the server says " + status);
            this.status = status;
            this.millis = millis;
        }
    }

    /**
     * For a file.
     *
     * @param patience how long nothing may come
     * @param waitMillis before the second attempt; it doubles with each
     */
    RangeRequests(URI address, Http http, Duration patience, long waitMillis) {
        this.address = address;
        this.http = http;
        this.patience = patience;
        this.waitMillis = waitMillis;
    }

    /** Bytes of the file; 0 before the first answer. */
    long size() {
        return info == null ? 0 : info.size();
    }

    /** The checksum that the server gives; empty before the first answer. */
    Optional<String> sha256() {
        return info == null ? Optional.empty() : info.sha256();
    }

    /**
     * Asks for the first bytes, and so what the file is.
     *
     * @throws PullException if it is no GGUF file, or the server refuses
     */
    Info first() throws IOException {
        info = again("cannot reach " + this, this::readInfo);
        return info;
    }

    private Info readInfo() throws IOException {
        Http.Answer answer = send(Optional.of("bytes=0-" + (SHOWN - 1)));
        HttpResponse<InputStream> response = answer.response();
        HttpHeaders headers = response.headers();
        try (InputStream body = response.body()) {
            boolean hasRanges = response.statusCode() == 206;
            long size =
                    hasRanges
                            ? Long.parseLong(range(response, 0).group(3))
                            : headers.firstValueAsLong("Content-Length").orElse(-1);
            if (size < 0) {
                throw new PullException(this + ": the server does not say how large it is");
            }
            requireGguf(body.readNBytes(SHOWN));
            Matcher sha256 =
                    SHA256.matcher(
                            answer.linkedEtag().or(() -> headers.firstValue("ETag")).orElse(""));
            return new Info(
                    size,
                    hasRanges,
                    version(headers),
                    sha256.matches() ? Optional.of(sha256.group(1)) : Optional.empty());
        }
    }

    /** A page that says "please log in" is not worth an hour. */
    private void requireGguf(byte[] start) throws IOException {
        if (start.length < MAGIC.length) {
            throw new IOException("the connection ended after %d bytes".formatted(start.length));
        }
        for (int i = 0; i < MAGIC.length; i++) {
            if (start[i] != MAGIC[i]) {
                String shown = new String(start, StandardCharsets.ISO_8859_1);
                throw new PullException(
                        "%s is not a GGUF file: it starts with '%s'"
                                .formatted(this, shown.replaceAll("[^ -~]", ".")));
            }
        }
    }

    private static String version(HttpHeaders headers) {
        return headers.firstValue("ETag").or(() -> headers.firstValue("Last-Modified")).orElse("");
    }

    /**
     * Brings a range.
     *
     * @param restart is called before it begins anew
     * @return false if the receiver said to stop
     * @throws IOException if it did not come, however often it was tried
     * @throws PullException if the file is another one now, or the server refuses
     */
    boolean range(long from, long length, Runnable restart, Receiver receiver) throws IOException {
        return again(
                "%s: %d bytes at %d did not come in %d attempts"
                        .formatted(this, length, from, ATTEMPTS),
                () -> {
                    restart.run();
                    return receive(from, length, receiver);
                });
    }

    private boolean receive(long from, long length, Receiver receiver) throws IOException {
        long last = from + length - 1;
        HttpResponse<InputStream> response =
                send(info.hasRanges()
                                ? Optional.of("bytes=%d-%d".formatted(from, last))
                                : Optional.empty())
                        .response();
        try (InputStream body = response.body()) {
            requireSame(response, from, last);
            AtomicLong heard = new AtomicLong(System.nanoTime());
            Thread watch = watch(body, heard);
            try {
                byte[] buffer = new byte[BUFFER];
                long received = 0;
                while (received < length) {
                    int count = body.read(buffer, 0, (int) Math.min(BUFFER, length - received));
                    heard.set(System.nanoTime());
                    if (count < 0) {
                        throw new IOException(
                                "the connection ended after %d of %d bytes"
                                        .formatted(received, length));
                    }
                    if (!receiver.receive(ByteBuffer.wrap(buffer, 0, count), from + received)) {
                        return false;
                    }
                    received += count;
                }
                if (body.read() >= 0) {
                    throw new PullException(
                            "%s: the server sends more than the %d bytes at %d that it announced"
                                    .formatted(this, length, from));
                }
                return true;
            } finally {
                watch.interrupt();
            }
        }
    }

    /** Ends a read from which nothing comes: a body has no timeout of its own. */
    private Thread watch(InputStream body, AtomicLong heard) {
        return Thread.ofVirtual()
                .start(
                        () -> {
                            try {
                                while (System.nanoTime() - heard.get() < patience.toNanos()) {
                                    TimeUnit.NANOSECONDS.sleep(patience.toNanos() / 4);
                                }
                                body.close();
                            } catch (InterruptedException | IOException e) {
                                // All has come, or nothing can be done about it.
                            }
                        });
    }

    private void requireSame(HttpResponse<InputStream> response, long from, long last)
            throws IOException {
        HttpHeaders headers = response.headers();
        long size;
        if (info.hasRanges()) {
            if (response.statusCode() != 206) {
                throw new PullException(
                        this + ": the server sends all of it for a part; pull it again");
            }
            Matcher range = range(response, from);
            size = Long.parseLong(range.group(3));
            if (size == info.size() && Long.parseLong(range.group(2)) != last) {
                throw new IOException(
                        "the server sends '%s' for the range to %d".formatted(range.group(), last));
            }
        } else {
            size = headers.firstValueAsLong("Content-Length").orElse(-1);
        }
        if (size != info.size() || !version(headers).equals(info.version())) {
            throw new PullException(
                    this + " has changed while it was downloaded; pull it again for the new one");
        }
    }

    private Matcher range(HttpResponse<?> response, long from) {
        String text = response.headers().firstValue("Content-Range").orElse("");
        Matcher matcher = RANGE.matcher(text);
        if (!matcher.matches() || Long.parseLong(matcher.group(1)) != from) {
            throw new PullException(
                    "%s: the server sends '%s' for the range from %d".formatted(this, text, from));
        }
        return matcher;
    }

    private <T> T again(String what, Attempt<T> attempt) throws IOException {
        for (int i = 1; ; i++) {
            long pause = waitMillis << i - 1;
            try {
                return attempt.run();
            } catch (BusyException e) {
                if (i == ATTEMPTS) {
                    throw refused(e.status);
                }
                pause = Math.max(pause, e.millis);
            } catch (IOException e) {
                if (i == ATTEMPTS) {
                    throw new IOException(what + ": " + reason(e), e);
                }
            }
            sleep(Math.min(LONGEST_WAIT_MILLIS, pause));
        }
    }

    private Http.Answer send(Optional<String> range) throws IOException {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(address)
                        .timeout(patience)
                        .header("Accept-Encoding", "identity");
        range.ifPresent(text -> request.header("Range", text));
        Http.Answer answer;
        try {
            answer = http.answer(request.build());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PullException("interrupted", e);
        }
        int status = answer.response().statusCode();
        if (status != 200 && status != 206) {
            answer.response().body().close();
            if (status == 429 || status >= 500) {
                throw new BusyException(status, askedPause(answer.response()));
            }
            throw refused(status);
        }
        return answer;
    }

    private static long askedPause(HttpResponse<?> response) {
        String after = response.headers().firstValue("Retry-After").orElse("");
        return after.matches("\\d{1,6}") ? 1000 * Long.parseLong(after) : 0;
    }

    private PullException refused(int status) {
        return new PullException(
                switch (status) {
                    case 401, 403 ->
                            "%s: the server says %d: %s"
                                    .formatted(this, status, http.adviceOnRefusal(address));
                    case 404 -> this + ": no such file (404)";
                    case 416 -> this + " is empty, or has become shorter; pull it again";
                    default -> "%s: the server says %d".formatted(this, status);
                });
    }

    private static String reason(IOException e) {
        return e.getMessage() == null ? e.toString() : e.getMessage();
    }

    private static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PullException("interrupted", e);
        }
    }

    /** The address, without what may be secret in it. */
    @Override
    public String toString() {
        return ModelSource.shown(address);
    }
}
