package io.github.bigllama.core.gguf;

import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.internal.text.Text;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A file on a web server that is read in ranges (RFC 9110, section 14). Sequential reads use
 * requests of growing size, so that a header takes a few of them.
 */
record RemoteFile(URI address, HttpSender sender) implements FileLocation {
    private static final int FIRST_REQUEST = 256 << 10;
    private static final int LARGEST_REQUEST = 4 << 20;
    private static final Pattern CONTENT_RANGE = Pattern.compile("bytes (\\d+)-(\\d+)/(\\d+)");

    private static final int PARTIAL_CONTENT = 206;
    private static final int UNAUTHORIZED = 401;
    private static final int FORBIDDEN = 403;
    private static final int NOT_FOUND = 404;
    private static final int RANGE_NOT_SATISFIABLE = 416;

    @Override
    public String toString() {
        // A query or a user name may be secret, and messages end up in logs.
        String server = "" + address.getRawAuthority();
        String shown =
                address.getScheme()
                        + "://"
                        + server.substring(server.lastIndexOf('@') + 1)
                        + address.getRawPath();
        return address.getRawQuery() == null ? shown : shown + "?...";
    }

    @Override
    public String fileName() {
        String path = address.getPath() == null ? "" : address.getPath();
        return path.substring(path.lastIndexOf('/') + 1);
    }

    @Override
    public RemoteFile sibling(String fileName) {
        String query = address.getRawQuery() == null ? "" : "?" + address.getRawQuery();
        return new RemoteFile(address.resolve(encoded(fileName) + query), sender);
    }

    private static String encoded(String fileName) {
        try {
            return new URI(null, null, "/" + fileName, null).getRawPath().substring(1);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(fileName, e);
        }
    }

    @Override
    public boolean exists() {
        try {
            open();
            return true;
        } catch (GgufException e) {
            if (e.problem() == Problem.NOT_FOUND) {
                return false;
            }
            throw e;
        }
    }

    @Override
    public Ranges open() {
        Ranges ranges = new Ranges();
        try {
            ranges.request(0);
        } catch (IOException e) {
            throw failure(Problem.UNREADABLE, "cannot be reached: " + GgufInput.reason(e), e);
        }
        return ranges;
    }

    private GgufException failure(Problem problem, String message, @Nullable Exception cause) {
        return new GgufException(problem, toString(), -1, message, cause);
    }

    /** The open file: buffers the last range that was requested. */
    private final class Ranges implements Bytes {
        private long size = -1;
        private Optional<String> version = Optional.empty();
        private long start;
        private byte[] bytes = {};
        private int next = FIRST_REQUEST;

        @Override
        public long size() {
            return size;
        }

        @Override
        public int read(ByteBuffer into, long position) throws IOException {
            if (position >= size) {
                return -1;
            }
            if (position < start || position >= start + bytes.length) {
                request(position);
            }
            int from = (int) (position - start);
            int count = Math.min(into.remaining(), bytes.length - from);
            into.put(bytes, from, count);
            return count;
        }

        private void request(long position) throws IOException {
            long last = position + next - 1;
            if (size >= 0) {
                last = Math.min(last, size - 1);
            }
            HttpSender.Response response =
                    send(
                            Map.of(
                                    "Range",
                                    "bytes=" + position + "-" + last,
                                    // A range of a compressed body would not be a range of the
                                    // file.
                                    "Accept-Encoding",
                                    "identity"));
            try (InputStream body = response.body()) {
                accept(response, position, last);
                bytes = body.readNBytes((int) (last - position + 1));
            }
            start = position;
            long expected = Math.min(last, size - 1) - position + 1;
            if (bytes.length != expected) {
                throw new IOException(
                        String.format(
                                Locale.ROOT,
                                "the server sent %d bytes from %d, not %d",
                                bytes.length,
                                position,
                                expected));
            }
            next = Math.min(LARGEST_REQUEST, 4 * next);
        }

        private HttpSender.Response send(Map<String, String> headers) throws IOException {
            try {
                return sender.get(address, headers);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw failure(Problem.UNREADABLE, "cannot be read: the thread was interrupted", e);
            }
        }

        private void accept(HttpSender.Response response, long position, long last) {
            int status = response.status();
            if (status == NOT_FOUND) {
                throw failure(Problem.NOT_FOUND, "no such file: the server says 404", null);
            }
            if (status == UNAUTHORIZED || status == FORBIDDEN) {
                throw failure(
                        Problem.UNREADABLE,
                        "no permission: the server says " + status + "; it may need a token",
                        null);
            }
            if (status == RANGE_NOT_SATISFIABLE) {
                throw failure(Problem.TRUNCATED, "is empty, or has become shorter", null);
            }
            if (status >= 200 && status < 300 && status != PARTIAL_CONTENT) {
                throw failure(
                        Problem.UNREADABLE,
                        "the server does not send parts of files (it answers a request for a range"
                                + " with "
                                + status
                                + "): download the file and name that",
                        null);
            }
            if (status != PARTIAL_CONTENT) {
                throw failure(Problem.UNREADABLE, "the server says " + status, null);
            }
            String range = response.header("Content-Range").orElse("");
            Matcher matcher = CONTENT_RANGE.matcher(range);
            if (!matcher.matches() || Long.parseLong(matcher.group(1)) != position) {
                throw failure(
                        Problem.UNREADABLE,
                        String.format(
                                Locale.ROOT,
                                "the server sends '%s' for the range from %d to %d",
                                Text.shorten(range),
                                position,
                                last),
                        null);
            }
            long total = Long.parseLong(matcher.group(3));
            Optional<String> tag = response.header("ETag");
            if (size >= 0 && (total != size || !tag.equals(version))) {
                throw failure(Problem.UNREADABLE, "has changed while it was read", null);
            }
            size = total;
            version = tag;
        }

        @Override
        public void close() {
            bytes = new byte[0];
        }
    }
}
