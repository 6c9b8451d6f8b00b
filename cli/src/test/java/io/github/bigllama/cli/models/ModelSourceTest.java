package io.github.bigllama.cli.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.cli.models.RemoteModel.RemoteFile;
import io.github.bigllama.cli.network.Http;
import io.github.bigllama.cli.network.PullException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Models by address, and by repository. */
class ModelSourceTest {
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

    private ModelServer server;

    @BeforeEach
    void start() throws IOException {
        server = new ModelServer();
        server.answer = ModelServer::all;
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private RemoteModel find(String source) {
        return find(source, server.url("").toString());
    }

    private RemoteModel find(String source, String endpoint) {
        Http http = new Http(HttpUrl.get(endpoint), Map.of(), ModelServer.PATIENCE);
        return ModelSource.find(source, http, line -> {});
    }

    private void list(String path, String text) {
        server.files.put(path + "?recursive=true", text.getBytes());
    }

    @Test
    void aRepositoryHasModelsByQuantization() {
        list("api/models/o/r/tree/main", LIST.formatted(SHA256));
        RemoteModel usual = find("hf:o/r");
        assertThat(usual.name()).isEqualTo("o/r/M-Q4_K_M");
        assertThat(usual.files()).hasSize(1);
        assertThat(usual.projector().map(RemoteFile::path)).contains("o/r/mmproj-M-Q4_K_M.gguf");
        assertThat(usual.choice())
                .hasValueSatisfying(
                        text ->
                                assertThat(text)
                                        .startsWith(
                                                "taking M-Q4_K_M (0.0 GB) of the 3 models of hf:o/r"));
        assertThat(usual.files().getFirst().sha256()).contains(SHA256);
        assertThat(usual.files().getFirst().size()).hasValue(91234);
        assertThat(usual.files().getFirst().address())
                .isEqualTo(server.url("o/r/resolve/main/M-Q4_K_M.gguf"));
        assertThat(find("hf:o/r:q4_k_s").name()).isEqualTo("o/r/M-Q4_K_S");
        RemoteModel split = find("hf:o/r:Q8_0");
        assertThat(split.name()).isEqualTo("o/r/sub/M-Q8_0");
        assertThat(split.files())
                .extracting(RemoteFile::path)
                .containsExactly(
                        "o/r/sub/M-Q8_0-00001-of-00002.gguf", "o/r/sub/M-Q8_0-00002-of-00002.gguf");
        assertThatThrownBy(() -> find("hf:o/r:Q2_K"))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("has no model of Q2_K: choose one of M-Q4_K_M (0.0 GB), ");
        assertThatThrownBy(() -> find("hf:o/none"))
                .hasMessageContaining("there is no such repository");
        assertThatThrownBy(() -> find("hf:nothing")).hasMessageContaining("write hf:owner/repo");
    }

    @Test
    void aListOfSeveralPages() {
        list("api/models/o/r/tree/v2", "[]");
        server.files.put(
                "page2",
                """
                [{"type":"file","path":"one.gguf","size":3}]"""
                        .getBytes());
        server.answer =
                (exchange, file) -> {
                    if (file.length == 2) {
                        exchange.getResponseHeaders()
                                .set("Link", "<%s>; rel=\"next\"".formatted(server.uri("page2")));
                    }
                    ModelServer.all(exchange, file);
                };
        assertThat(find("hf:o/r@v2").name()).isEqualTo("o/r@v2/one");
    }

    @Test
    void aRevisionWithSlashesIsOneSegment() {
        List<String> asked = new ArrayList<>();
        list(
                "api/models/o/r/tree/refs/pr/4",
                """
                [{"type":"file","path":"a b.gguf","size":3}]""");
        server.answer =
                (exchange, file) -> {
                    asked.add(exchange.getRequestURI().getRawPath());
                    ModelServer.all(exchange, file);
                };
        RemoteModel model = find("hf:o/r@refs/pr/4");
        assertThat(asked).containsExactly("/api/models/o/r/tree/refs%2Fpr%2F4");
        assertThat(model.files().getFirst().address().encodedPath())
                .isEqualTo("/o/r/resolve/refs%2Fpr%2F4/a%20b.gguf");
        assertThat(model.name()).isEqualTo("o/r@refs/pr/4/a b");
    }

    @Test
    void anEndpointWithAPath() {
        list("hub/v1/api/models/o/r/tree/main", LIST.formatted(SHA256));
        for (String endpoint : List.of("hub/v1", "hub/v1/")) {
            assertThat(find("hf:o/r:Q4_K_M", server.uri(endpoint).toString()).files())
                    .extracting(RemoteFile::address)
                    .containsExactly(server.url("hub/v1/o/r/resolve/main/M-Q4_K_M.gguf"));
        }
        // The same by its page.
        assertThat(
                        find(
                                        server.uri("hub/v1/o/r/blob/main/M-Q4_K_S.gguf").toString(),
                                        server.uri("hub/v1").toString())
                                .name())
                .isEqualTo("o/r/M-Q4_K_S");
    }

    @ParameterizedTest
    @ValueSource(strings = {"blob", "resolve", "raw"})
    void aPageOfTheEndpointIsItsFile(String kind) {
        list("api/models/o/r/tree/main", LIST.formatted(SHA256));
        RemoteModel model =
                find(server.uri("o/r/" + kind + "/main/M-Q4_K_M.gguf?download=true").toString());
        assertThat(model).isEqualTo(find("hf:o/r:M-Q4_K_M.gguf"));
        assertThatThrownBy(
                        () ->
                                find(
                                        server.uri(
                                                        "o/r/"
                                                                + kind
                                                                + "/main/sub/M-Q8_0-00002-of-00002.gguf")
                                                .toString()))
                .hasMessageContaining("is part 2 of 2: name the first, M-Q8_0-00001-of-00002.gguf");
    }

    @Test
    void pagesOfOtherServers() {
        assertThat(find("https://mirror.example/o/r/blob/main/x.gguf").files().getFirst().address())
                .isEqualTo(HttpUrl.get("https://mirror.example/o/r/resolve/main/x.gguf"));
        assertThat(find("https://github.com/o/r/blob/main/x.gguf").files().getFirst().address())
                .isEqualTo(HttpUrl.get("https://github.com/o/r/raw/main/x.gguf"));
    }

    @Test
    void addresses() {
        RemoteModel split = find("http://h/a/x-00001-of-00003.gguf?y=1");
        assertThat(split.name()).startsWith("h/a/x~");
        assertThat(split.files())
                .extracting(file -> file.address().toString())
                .containsExactly(
                        "http://h/a/x-00001-of-00003.gguf?y=1",
                        "http://h/a/x-00002-of-00003.gguf?y=1",
                        "http://h/a/x-00003-of-00003.gguf?y=1");
        assertThat(find("http://h/a%20b.gguf").files().getFirst().address().toString())
                .isEqualTo("http://h/a%20b.gguf");
        assertThat(find("http://my_host/x.gguf").name()).isEqualTo("my_host/x");
        assertThat(find("http://h/..%2f..%2fx.gguf").files().getFirst().path())
                .doesNotContain("/..")
                .startsWith("h/");
        assertThatThrownBy(() -> find("http://h/page.html")).hasMessageContaining("ends in .gguf");
        assertThatThrownBy(() -> find("https://user:secret@h:x/m.gguf"))
                .hasMessageContaining("is not the address of a model")
                .hasMessageNotContaining("secret");
        assertThatThrownBy(() -> find("http://h/x-00002-of-00003.gguf"))
                .hasMessageContaining("is part 2 of 3: name the first, x-00001-of-00003.gguf");
        assertThatThrownBy(() -> find("http://h/x.gguf.part1of2"))
                .hasMessageContaining("join them in order with cat");
    }

    @Test
    void partsInUpperCase() {
        List<RemoteFile> files = find("http://h/X-00001-OF-00002.GGUF").files();
        assertThat(files)
                .extracting(file -> file.address().encodedPath())
                .containsExactly("/X-00001-OF-00002.GGUF", "/X-00002-OF-00002.GGUF");
        // As llama.cpp wants them.
        assertThat(files)
                .extracting(RemoteFile::path)
                .containsExactly("h/X-00001-of-00002.gguf", "h/X-00002-of-00002.gguf");
    }

    /** The last part alone says nothing. */
    @Test
    void differentFilesGoToDifferentPlaces() {
        List<String> sources =
                List.of(
                        "http://h/A/X/model.gguf",
                        "http://h/B/Y/model.gguf",
                        "http://h:8080/A/X/model.gguf",
                        "http://h/Q4_K_M/model.gguf",
                        "http://h/Q8_0/model.gguf",
                        "http://h/model.gguf?v=1",
                        "http://h/model.gguf?v=2",
                        "http://h/甲.gguf",
                        "http://h/乙.gguf",
                        "http://h/модель.gguf",
                        "http://h/a:b.gguf",
                        "http://h/a_b.gguf",
                        "http://h/a*b.gguf",
                        "http://h/%F0%9F%98%80.gguf",
                        "http://h/%F0%9F%98%81.gguf",
                        "http://h/a%2Fb.gguf",
                        "http://h/a/b.gguf");
        Set<String> places = new HashSet<>();
        for (String source : sources) {
            assertThat(places.add(find(source).files().getFirst().path())).as(source).isTrue();
        }
        assertThat(places).contains("h/甲.gguf", "h/модель.gguf", "h/Q8_0/model.gguf");
    }

    /** What a signed address has besides is another each time. */
    @Test
    void theSameFileGoesToTheSamePlace() {
        RemoteFile plain = find("https://h/x.gguf").files().getFirst();
        for (String query :
                List.of(
                        "?download=true",
                        "?X-Amz-Signature=1&X-Amz-Date=2",
                        "?Expires=1&Signature=2&Key-Pair-Id=3",
                        "#top")) {
            RemoteFile signed = find("https://user:pass@h/x.gguf" + query).files().getFirst();
            assertThat(signed.path()).isEqualTo(plain.path());
            assertThat(signed.source()).isEqualTo(plain.source());
        }
    }
}
