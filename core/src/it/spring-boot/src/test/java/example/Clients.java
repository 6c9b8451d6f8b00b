package example;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.option.GenerationOptions;
import java.io.BufferedReader;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Starts the executable jar, and compares what its clients get with answers in this process. */
final class Clients {
    private static final List<String> QUESTIONS =
            List.of(
                    "What is the capital of France?",
                    "What is the capital of Iceland?",
                    "Tell me a story.");
    private static final int CLIENTS = 8;
    private static final Pattern STARTED = Pattern.compile("Tomcat started on port (\\d+)");
    private static final ObjectMapper MAPPER = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        Map<String, String> expected = new LinkedHashMap<>();
        try (LlamaModel model = LlamaModel.load(Path.of(args[1]))) {
            for (String question : QUESTIONS) {
                try (LlamaSession session = model.newSession()) {
                    GenerationOptions greedy = GenerationOptions.greedy();
                    expected.put(question, new Chat(session).send(question, greedy).text());
                }
            }
        }
        Process application =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-jar",
                                args[0],
                                "--server.port=0",
                                "--model=" + args[1])
                        .redirectErrorStream(true)
                        .start();
        try (BufferedReader log = application.inputReader()) {
            String port = null;
            for (String line; port == null && (line = log.readLine()) != null; ) {
                System.out.println(line);
                Matcher started = STARTED.matcher(line);
                port = started.find() ? started.group(1) : null;
            }
            ask(URI.create("http://127.0.0.1:" + port), expected);
            application.toHandle().destroy(); // leaves its output open
            log.lines().forEach(System.out::println);
        } finally {
            application.destroy();
        }
        boolean hasEnded = application.waitFor(30, TimeUnit.SECONDS);
        // 128 and SIGTERM's number: nothing failed while it was stopped.
        require(hasEnded && application.exitValue() == 143, "ended: " + application);
        System.out.println("streams as expected: " + CLIENTS);
    }

    private static void ask(URI application, Map<String, String> expected) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            List<CompletableFuture<HttpResponse<Stream<String>>>> answers = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                String question = QUESTIONS.get(i % QUESTIONS.size());
                String query = URLEncoder.encode(question, StandardCharsets.UTF_8);
                HttpRequest request =
                        HttpRequest.newBuilder(application.resolve("/ask?question=" + query))
                                .build();
                answers.add(client.sendAsync(request, BodyHandlers.ofLines()));
            }
            for (int i = 0; i < CLIENTS; i++) {
                String question = QUESTIONS.get(i % QUESTIONS.size());
                StringBuilder text = new StringBuilder();
                int pieces = 0;
                for (String line : answers.get(i).get().body().toList()) {
                    if (line.startsWith("data:")) {
                        JsonNode piece = MAPPER.readTree(line.substring("data:".length()));
                        text.append(piece.path("text").asText());
                        require(piece.path("isVirtual").asBoolean(), "on a platform thread");
                        pieces++;
                    }
                }
                require(text.toString().equals(expected.get(question)), question + " " + text);
                require(pieces > 4, "not streamed: " + pieces + " pieces");
            }
        }
    }

    private static void require(boolean condition, String otherwise) {
        if (!condition) {
            throw new AssertionError(otherwise);
        }
    }
}
