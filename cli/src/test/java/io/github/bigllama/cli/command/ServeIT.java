package io.github.bigllama.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.Bundle;
import io.github.bigllama.cli.Bundle.Result;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The command serve. */
class ServeIT {
    private static final Pattern ADDRESS = Pattern.compile("at (http://[0-9.:]+); Ctrl-C ends it");

    private final Bundle bundle = Bundle.built();

    private Process startServer(String... options) {
        List<String> all = new ArrayList<>(List.of("serve", "--no-page", "--port", "0"));
        all.addAll(List.of(options));
        return bundle.start(all.toArray(String[]::new));
    }

    private static URI address(Process process) throws IOException {
        String said = Bundle.readUntil(process.getErrorStream(), "Ctrl-C ends it");
        Matcher matcher = ADDRESS.matcher(said);
        assertThat(matcher.find()).as(said).isTrue();
        return URI.create(matcher.group(1));
    }

    private static HttpResponse<String> get(URI address) throws Exception {
        return HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(address).build(), BodyHandlers.ofString());
    }

    private static HttpResponse<String> ask(URI address, String... headers) throws Exception {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(address.resolve("/v1/chat/completions"))
                        .POST(
                                HttpRequest.BodyPublishers.ofString(
                                        """
                                        {"messages": [{"role": "user",
                                          "content": "What is the capital of France?"}]}
                                        """));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return HttpClient.newHttpClient().send(request.build(), BodyHandlers.ofString());
    }

    @ParameterizedTest
    @CsvSource({"INT, 130", "TERM, 143"})
    void answersUntilASignalEndsIt(String signal, int exitCode) throws Exception {
        Process process = bundle.start("serve", "--port", "0", "--metrics");
        try {
            URI address = address(process);
            assertThat(ask(address).body())
                    .contains("The capital of France is Paris.")
                    .contains("bigllama-demo-Q8_0.gguf");
            Matcher page =
                    Pattern.compile("http://127.0.0.1:[0-9]+/residency")
                            .matcher(Bundle.readUntil(process.getErrorStream(), "/residency\n"));
            assertThat(page.find()).isTrue();
            URI residency = URI.create(page.group());
            assertThat(get(residency).body()).contains("Weights, layer by layer");
            assertThat(get(residency.resolve("/metrics")).body())
                    .contains("bigllama_weights_bytes 3")
                    .contains("llamacpp:requests_processing");
            Bundle.signal(signal, process);
            Result result = Bundle.finish(process);
            assertThat(result.exitCode()).isEqualTo(exitCode);
            assertThat(result.out()).isEmpty();
            assertThat(result.complaint().strip()).isEmpty();
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void passesOnWhatItDoesNotKnow() throws Exception {
        Process process =
                startServer(
                        "--api-key",
                        "secret",
                        "--alias",
                        "llama-demo",
                        "-ctk",
                        "q8_0",
                        "-cram",
                        "8");
        try {
            URI address = address(process);
            assertThat(ask(address).statusCode()).isEqualTo(401);
            assertThat(ask(address, "Authorization", "Bearer secret").body())
                    .contains("Paris")
                    .contains("\"model\":\"llama-demo\"");
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void verboseIsForTheServerToo() throws Exception {
        Process process = startServer("--cache-ram", "8", "--verbose");
        try {
            String log = "llama.cpp: DEBUG srv ";
            assertThat(Bundle.readUntil(process.getErrorStream(), log)).contains(log);
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void aDraftModelIsTheServers() throws Exception {
        Process process = startServer("--model-draft", bundle.demoModel().toString());
        try {
            String answer = ask(address(process)).body();
            assertThat(answer).contains("The capital of France is Paris.").contains("draft_n");
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void warnsWhereOthersCanReachIt() throws Exception {
        Process process = bundle.start("serve", "--host", "0.0.0.0", "--port", "0");
        try {
            assertThat(Bundle.readUntil(process.getErrorStream(), "Ctrl-C ends it"))
                    .contains("bigllama: other machines can use this model without a key");
        } finally {
            process.destroyForcibly();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "--nosuch 3, invalid argument: --nosuch",
        "--cache-type-k 9, cache-type-k",
        "--hf-repo a/b, a/b",
        "--list-devices, this option prints something"
    })
    void refusesInOneLine(String arguments, String reason) {
        String[] all = ("serve --port 0 " + arguments).split(" ");
        Result result = bundle.run(all);
        assertThat(result.exitCode()).isNotZero();
        assertThat(result.complaint()).startsWith("bigllama: ").hasLineCount(1).contains(reason);
    }
}
