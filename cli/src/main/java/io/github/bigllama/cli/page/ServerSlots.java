package io.github.bigllama.cli.page;

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
    private final HttpRequest request;

    /**
     * The slots of a server.
     *
     * @param key the key that it wants; null for none
     */
    public ServerSlots(URI server, @Nullable String key) {
        HttpRequest.Builder builder =
                HttpRequest.newBuilder(server.resolve("/slots")).timeout(TIMEOUT);
        if (key != null) {
            builder.header("Authorization", "Bearer " + key.split(",")[0]);
        }
        request = builder.build();
    }

    @Override
    public List<PageSnapshot.Conversation> get() {
        List<PageSnapshot.Conversation> slots = new ArrayList<>();
        try {
            HttpResponse<String> response =
                    client.send(request, HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() != 200) {
                return List.of();
            }
            for (JsonNode slot : MAPPER.readTree(response.body())) {
                slots.add(
                        new PageSnapshot.Conversation(
                                slot.path("id").asText(),
                                used(slot),
                                slot.path("n_ctx").asLong(),
                                slot.path("is_processing").asBoolean()));
            }
        } catch (IOException e) {
            return List.of();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return slots;
    }

    private static long used(JsonNode slot) {
        long prompt = slot.path("n_prompt_tokens").asLong();
        return prompt + slot.at("/next_token/0/n_decoded").asLong();
    }
}
