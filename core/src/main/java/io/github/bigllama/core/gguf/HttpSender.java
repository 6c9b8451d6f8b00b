package io.github.bigllama.core.gguf;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;

/** How a web server is reached: through which proxy, with which token, along which redirects. */
public interface HttpSender {
    /** Sends a request and returns when the headers of the answer are there. */
    HttpResponse<InputStream> send(HttpRequest request) throws IOException, InterruptedException;

    /** As a client does it. */
    static HttpSender of(HttpClient client) {
        return request -> client.send(request, BodyHandlers.ofInputStream());
    }
}
