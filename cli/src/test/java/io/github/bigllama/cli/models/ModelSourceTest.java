package io.github.bigllama.cli.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.cli.models.RemoteModel.RemoteFile;
import java.io.IOException;
import java.net.ProxySelector;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Models by address, and by repository and quantization. */
class ModelSourceTest {
    private ModelServer server;

    @BeforeEach
    void start() throws IOException {
        server = new ModelServer();
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private Http http() {
        return new Http(server.uri(""), Optional.empty(), ProxySelector.of(null));
    }

    private static final String SHA256 = "ab".repeat(32);

    private static final String LIST =
            """
            [{"type":"directory","path":"sub"},
             {"type":"file","path":"README.md","size":10},
             {"type":"file","path":"M-Q4_K_M.gguf","size":7,"lfs":{"oid":"%s","size":91234}},
             {"type":"file","path":"M-Q4_K_S.gguf","size":7},
             {"type":"file","path":"mmproj-M-Q4_K_M.gguf","size":7},
             {"type":"file","path":"sub/M-Q8_0-00001-of-00002.gguf","size":5},
             {"type":"file","path":"sub/M-Q8_0-00002-of-00002.gguf","size":6}]
            """;

    private RemoteModel find(String source) {
        return ModelSource.find(source, server.uri(""), http());
    }

    @Test
    void aRepositoryHasModelsByQuantization() throws Exception {
        server.answer = ModelServer::all;
        server.files.put(
                "api/models/o/r/tree/main?recursive=true", LIST.formatted(SHA256).getBytes());
        RemoteModel usual = find("hf:o/r");
        assertThat(usual.name()).isEqualTo("o/r/M-Q4_K_M");
        assertThat(usual.files().getFirst().sha256()).contains(SHA256);
        assertThat(usual.files().getFirst().size()).hasValue(91234);
        assertThat(usual.files().getFirst().address())
                .isEqualTo(server.uri("o/r/resolve/main/M-Q4_K_M.gguf"));
        assertThat(find("hf:o/r:q4_k_s").name()).isEqualTo("o/r/M-Q4_K_S");
        RemoteModel split = find("hf:o/r:Q8_0");
        assertThat(split.name()).isEqualTo("o/r/M-Q8_0");
        assertThat(split.files())
                .extracting(RemoteFile::path)
                .containsExactly(
                        "o/r/M-Q8_0-00001-of-00002.gguf", "o/r/M-Q8_0-00002-of-00002.gguf");
        assertThatThrownBy(() -> find("hf:o/r:Q2_K"))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("has no model of Q2_K: choose one of M-Q4_K_M (0.0 GB), ");
        assertThatThrownBy(() -> find("hf:o/none"))
                .hasMessageContaining("there is no such repository");
        assertThatThrownBy(() -> find("hf:nothing")).hasMessageContaining("write hf:owner/repo");
    }

    @Test
    void aListOfSeveralPages() {
        server.files.put("api/models/o/r/tree/v2?recursive=true", "[]".getBytes());
        server.files.put(
                "page2", "[{\"type\":\"file\",\"path\":\"one.gguf\",\"size\":3}]".getBytes());
        server.answer =
                (exchange, file) -> {
                    if (file.length == 2) {
                        exchange.getResponseHeaders()
                                .set("Link", "<%s>; rel=\"next\"".formatted(server.uri("page2")));
                    }
                    ModelServer.all(exchange, file);
                };
        assertThat(find("hf:o/r@v2").name()).isEqualTo("o/r/one");
    }

    @Test
    void addresses() {
        RemoteModel split = find(server.uri("a/x-00001-of-00003.gguf?y=1").toString());
        assertThat(split.name()).isEqualTo("localhost/x");
        assertThat(split.files())
                .extracting(RemoteFile::address)
                .containsExactly(
                        server.uri("a/x-00001-of-00003.gguf?y=1"),
                        server.uri("a/x-00002-of-00003.gguf?y=1"),
                        server.uri("a/x-00003-of-00003.gguf?y=1"));
        assertThat(find("http://h/a%20b.gguf").files().getFirst().address())
                .isEqualTo(URI.create("http://h/a%20b.gguf"));
        assertThat(find("http://h/..%2f..%2fx.gguf").files().getFirst().path())
                .doesNotContain("/..")
                .startsWith("h/");
        assertThatThrownBy(() -> find("http://h/page.html")).hasMessageContaining("ends in .gguf");
    }

    @Test
    void proxiesOfTheEnvironment() {
        ProxySelector proxy =
                EnvironmentProxy.of(
                        Map.of(
                                "https_proxy",
                                "http://p:3128",
                                "NO_PROXY",
                                "internal,.example.com"));
        assertThat(proxy.select(URI.create("https://h/")).getFirst().address().toString())
                .contains("p")
                .endsWith(":3128");
        for (String direct : List.of("http://h/", "https://internal/", "https://a.example.com/x")) {
            assertThat(proxy.select(URI.create(direct))).containsExactly(java.net.Proxy.NO_PROXY);
        }
    }
}
