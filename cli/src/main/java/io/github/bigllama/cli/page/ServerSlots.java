package io.github.bigllama.cli.page;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Asks a server how its slots use the context; none if it does not say. */
public final class ServerSlots implements Supplier<List<PageSnapshot.Conversation>> {
    private static final Duration TIMEOUT = Duration.ofSeconds(2);
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final HttpClient client = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();
    private final HttpRequest slots;
    private final HttpRequest metrics;

    /**
     * The slots of a server.
     *
     * @param key the key that it wants; null for none
     */
    public ServerSlots(URI server, @Nullable String key) {
        slots = request(server.resolve("/slots"), key);
        metrics = request(server.resolve("/metrics"), key);
    }

    private static HttpRequest request(URI address, @Nullable String key) {
        HttpRequest.Builder builder = HttpRequest.newBuilder(address).timeout(TIMEOUT);
        if (key != null) {
            builder.header("Authorization", "Bearer " + key.split(",")[0]);
        }
        return builder.build();
    }

    /** The metrics of the server in Prometheus' text format; empty without {@code --metrics}. */
    public String metrics() {
        return ask(metrics);
    }

    private String ask(HttpRequest request) {
        try {
            HttpResponse<String> response =
                    client.send(request, HttpResponse.BodyHandlers.ofString());
            return response.statusCode() == 200 ? response.body() : "";
        } catch (IOException e) {
            return "";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "";
        }
    }

    @Override
    public List<PageSnapshot.Conversation> get() {
        List<PageSnapshot.Conversation> all = new ArrayList<>();
        try {
            for (JsonNode slot : MAPPER.readTree(ask(slots))) {
                all.add(
                        new PageSnapshot.Conversation(
                                slot.path("id").asText(),
                                used(slot),
                                slot.path("n_ctx").asLong(),
                                slot.path("is_processing").asBoolean()));
            }
        } catch (JsonProcessingException e) {
            return List.of();
        }
        return all;
    }

    private static long used(JsonNode slot) {
        long prompt = slot.path("n_prompt_tokens").asLong();
        return prompt + slot.at("/next_token/0/n_decoded").asLong();
    }
}
