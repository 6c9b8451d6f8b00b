package io.github.bigllama.cli.models;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
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

    private final URI address;
    private final Http http;
    private final Duration patience;
    private final long waitMillis;
    private String version = "";
    private long size = -1;
    private Optional<String> sha256 = Optional.empty();

    /** Receives bytes of a range; says whether to go on. */
    interface Receiver {
        boolean receive(ByteBuffer bytes, long at) throws IOException;
    }

    /**
     * The answer to the first request.
     *
     * @param size bytes of the file
     * @param hasRanges whether the server sends parts; else the body is the whole file
     * @param version what the server calls this version of the file
     * @param body of the first range
     */
    record First(long size, boolean hasRanges, String version, InputStream body) {}

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
        return Math.max(0, size);
    }

    /** The checksum that the server gives, if it does. */
    Optional<String> sha256() {
        return sha256;
    }

    /** Asks for the first bytes, and so what the file is. */
    First first(int length) throws IOException {
        HttpResponse<InputStream> response = sendAgain(0, length);
        if (response.statusCode() == 200) {
            long announced = response.headers().firstValueAsLong("Content-Length").orElse(-1);
            if (announced < 0) {
                response.body().close();
                throw new PullException(address + ": the server does not say how large it is");
            }
            size = announced;
        } else {
            Matcher range = range(response, 0);
            size = Long.parseLong(range.group(3));
        }
        version =
                response.headers()
                        .firstValue("ETag")
                        .or(() -> response.headers().firstValue("Last-Modified"))
                        .orElse("");
        Matcher matcher =
                SHA256.matcher(
                        response.headers()
                                .firstValue("X-Linked-Etag")
                                .or(() -> response.headers().firstValue("ETag"))
                                .orElse(""));
        sha256 = matcher.matches() ? Optional.of(matcher.group(1)) : Optional.empty();
        return new First(size, response.statusCode() == 206, version, response.body());
    }

    /**
     * Brings a range.
     *
     * @param again is called before it begins anew
     * @return false if the receiver said to stop
     * @throws IOException if it did not come, however often it was tried
     * @throws PullException if the file is another one now, or the server refuses
     */
    boolean range(long from, int length, Runnable again, Receiver receiver) throws IOException {
        for (int attempt = 1; ; attempt++) {
            again.run();
            try {
                return receive(sendAgain(from, length), from, length, receiver);
            } catch (IOException e) {
                if (attempt == ATTEMPTS) {
                    throw new IOException(
                            "%s: %d bytes at %d did not come in %d attempts: %s"
                                    .formatted(address, length, from, ATTEMPTS, reason(e)),
                            e);
                }
                sleep(waitMillis << attempt - 1);
            }
        }
    }

    private boolean receive(
            HttpResponse<InputStream> response, long from, int length, Receiver receiver)
            throws IOException {
        try (InputStream body = response.body()) {
            requireSame(response, from);
            AtomicLong last = new AtomicLong(System.nanoTime());
            Thread watch = watch(body, last);
            try {
                byte[] buffer = new byte[BUFFER];
                int received = 0;
                while (received < length) {
                    int count = body.read(buffer, 0, Math.min(BUFFER, length - received));
                    last.set(System.nanoTime());
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
                return true;
            } finally {
                watch.interrupt();
            }
        }
    }

    /** Ends a read from which nothing comes: a body has no timeout of its own. */
    private Thread watch(InputStream body, AtomicLong last) {
        return Thread.ofVirtual()
                .start(
                        () -> {
                            try {
                                while (System.nanoTime() - last.get() < patience.toNanos()) {
                                    TimeUnit.NANOSECONDS.sleep(patience.toNanos() / 4);
                                }
                                body.close();
                            } catch (InterruptedException | IOException e) {
                                // All has come, or nothing can be done about it.
                            }
                        });
    }

    private void requireSame(HttpResponse<InputStream> response, long from) throws IOException {
        if (response.statusCode() != 206) {
            throw new PullException(
                    address + ": the server sends all of it for a part; pull it again");
        }
        Matcher range = range(response, from);
        String now =
                response.headers()
                        .firstValue("ETag")
                        .or(() -> response.headers().firstValue("Last-Modified"))
                        .orElse("");
        if (Long.parseLong(range.group(3)) != size || !now.equals(version)) {
            throw new PullException(
                    address
                            + " has changed while it was downloaded; pull it again for the new one");
        }
    }

    private Matcher range(HttpResponse<InputStream> response, long from) throws IOException {
        String text = response.headers().firstValue("Content-Range").orElse("");
        Matcher matcher = RANGE.matcher(text);
        if (!matcher.matches() || Long.parseLong(matcher.group(1)) != from) {
            response.body().close();
            throw new PullException(
                    "%s: the server sends '%s' for the range from %d"
                            .formatted(address, text, from));
        }
        return matcher;
    }

    /** Until the server has an answer, or there is no hope. */
    private HttpResponse<InputStream> sendAgain(long from, int length) throws IOException {
        for (int attempt = 1; ; attempt++) {
            HttpRequest request =
                    HttpRequest.newBuilder(address)
                            .timeout(patience)
                            .header("Range", "bytes=%d-%d".formatted(from, lastByte(from, length)))
                            .header("Accept-Encoding", "identity")
                            .build();
            try {
                HttpResponse<InputStream> response = http.send(request);
                int status = response.statusCode();
                if (status == 200 || status == 206) {
                    return response;
                }
                response.body().close();
                if (status != 429 && status < 500 || attempt == ATTEMPTS) {
                    throw refused(status);
                }
                sleep(pause(response, attempt));
            } catch (IOException e) {
                if (attempt == ATTEMPTS) {
                    throw new IOException("cannot reach %s: %s".formatted(address, reason(e)), e);
                }
                sleep(waitMillis << attempt - 1);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new PullException("interrupted", e);
            }
        }
    }

    private long lastByte(long from, int length) {
        long last = from + length - 1;
        return size > 0 ? Math.min(last, size - 1) : last;
    }

    private long pause(HttpResponse<?> response, int attempt) {
        String after = response.headers().firstValue("Retry-After").orElse("");
        long asked = after.matches("\\d{1,6}") ? 1000 * Long.parseLong(after) : 0;
        return Math.min(LONGEST_WAIT_MILLIS, Math.max(asked, waitMillis << attempt - 1));
    }

    private PullException refused(int status) {
        return new PullException(
                switch (status) {
                    case 401, 403 ->
                            "%s: the server says %d: %s"
                                    .formatted(
                                            address,
                                            status,
                                            http.hasToken()
                                                    ? "the token may not read it; has its licence been accepted?"
                                                    : "it wants a token; set HF_TOKEN");
                    case 404 -> address + ": no such file (404)";
                    case 416 -> address + " is empty, or has become shorter; pull it again";
                    default -> "%s: the server says %d".formatted(address, status);
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
}
