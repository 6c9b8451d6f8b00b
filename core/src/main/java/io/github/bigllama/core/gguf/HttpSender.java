package io.github.bigllama.core.gguf;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Sends requests to a web server; proxies, tokens and redirects are its business. */
public interface HttpSender {
    /**
     * A server's response.
     *
     * @param headers the first value of each header; names in any case
     * @param body the caller must close it
     */
    record Response(int status, Map<String, String> headers, InputStream body) {
        public Response {
            Map<String, String> copy = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
            copy.putAll(headers);
            headers = Collections.unmodifiableMap(copy);
        }

        /** The value of a header, if the server sent it. */
        public Optional<String> header(String name) {
            return Optional.ofNullable(headers.get(name));
        }
    }

    /** Sends a GET request and returns when the headers of the response have arrived. */
    Response get(URI address, Map<String, String> headers) throws IOException, InterruptedException;

    /** A sender that uses a client; no headers within a minute are an error. */
    static HttpSender of(HttpClient client) {
        return (address, headers) -> {
            HttpRequest.Builder request =
                    HttpRequest.newBuilder(address).timeout(Duration.ofMinutes(1));
            headers.forEach(request::header);
            HttpResponse<InputStream> response =
                    client.send(request.build(), BodyHandlers.ofInputStream());
            Map<String, String> first = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
            response.headers().map().forEach((name, all) -> first.put(name, all.getFirst()));
            return new Response(response.statusCode(), first, response.body());
        };
    }
}
