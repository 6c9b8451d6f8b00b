package io.github.bigllama.cli.models;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.bigllama.cli.models.RemoteModel.RemoteFile;
import io.github.bigllama.cli.network.BusyException;
import io.github.bigllama.cli.network.Http;
import io.github.bigllama.cli.network.Patience;
import io.github.bigllama.cli.network.PullException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/** Repositories on Hugging Face, or on a server with the same API. */
final class HuggingFace {
    static final String USUAL_REVISION = "main";

    private static final Pattern SOURCE =
            Pattern.compile("([^/:@\\s]+)/([^/:@\\s]+)(?:@([^:\\s]+))?(?::(.+))?");
    private static final Pattern NEXT = Pattern.compile("<([^>]+)>\\s*;\\s*rel=\"next\"");
    private static final int MOST_PAGES = 100;

    private final String repository;
    private final String revision;
    private final Http http;
    private final Patience patience;

    /** A file of a repository. */
    record Entry(String path, long size, Optional<String> sha256) {
        String name() {
            return path.substring(path.lastIndexOf('/') + 1);
        }
    }

    private HuggingFace(String repository, String revision, Http http, Consumer<String> notice) {
        this.repository = repository;
        this.revision = revision;
        this.http = http;
        patience = new Patience(Patience.Limits.USUAL, notice);
    }

    static RemoteModel find(String source, Http http, Consumer<String> notice) {
        Matcher matcher = SOURCE.matcher(source);
        if (!matcher.matches()) {
            throw new PullException(
                    "'hf:%s' is not a repository; write hf:owner/repo or hf:owner/repo:Q4_K_M"
                            .formatted(source));
        }
        return new HuggingFace(
                        matcher.group(1) + "/" + matcher.group(2),
                        matcher.group(3) == null ? USUAL_REVISION : matcher.group(3),
                        http,
                        notice)
                .find(matcher.group(4));
    }

    /** The model of a file's page. */
    static RemoteModel find(RepositoryPage page, Http http, Consumer<String> notice) {
        ModelSource.requireFirst(
                page.path().substring(page.path().lastIndexOf('/') + 1),
                Http.shown(page.address()));
        return new HuggingFace(page.repository(), page.revision(), http, notice).find(page.path());
    }

    private RemoteModel find(@Nullable String choice) {
        Map<String, Entry> all = list();
        ModelChoice chosen = ModelChoice.of("hf:" + repository, all, choice);
        List<RemoteFile> files = new ArrayList<>();
        for (String path : ModelSource.parts(chosen.path())) {
            Entry entry = all.get(path);
            if (entry == null) {
                throw new PullException("hf:%s has no %s".formatted(repository, path));
            }
            files.add(file(entry));
        }
        Optional<RemoteFile> projector =
                ProjectorFile.of(all.keySet(), chosen.path())
                        .filter(path -> !path.equals(chosen.path()))
                        .map(path -> file(all.get(path)));
        return new RemoteModel(
                ModelsFolder.name(files.getFirst().path()), files, projector, chosen.reason());
    }

    private RemoteFile file(Entry entry) {
        return new RemoteFile(
                address(entry.path),
                LocalPaths.of(repository, revision, entry.path),
                OptionalLong.of(entry.size),
                entry.sha256);
    }

    private HttpUrl address(String path) {
        HttpUrl.Builder address = server(repository, "resolve").addPathSegment(revision);
        for (String segment : path.split("/")) {
            address.addPathSegment(segment);
        }
        return address.build();
    }

    private Map<String, Entry> list() {
        Map<String, Entry> entries = new TreeMap<>();
        HttpUrl page =
                server("api", "models", repository, "tree")
                        .addPathSegment(revision)
                        .addQueryParameter("recursive", "true")
                        .build();
        for (int i = 0; i < MOST_PAGES && page != null; i++) {
            page = read(page, entries);
        }
        return entries;
    }

    /** An address below the endpoint. */
    private HttpUrl.Builder server(String... segments) {
        HttpUrl.Builder builder = http.endpoint().newBuilder().query(null).fragment(null);
        for (String segment : segments) {
            builder.addPathSegments(segment);
        }
        return builder;
    }

    /** Reads a page of the list; returns the next one. */
    private HttpUrl read(HttpUrl page, Map<String, Entry> entries) {
        String shown = Http.shown(page);
        try {
            return patience.again(
                    "cannot list the files of hf:" + repository,
                    () -> 0,
                    () -> {
                        try (Http.Answer answer = http.answer(page, Map.of())) {
                            return accept(answer, page, entries);
                        } catch (JacksonException e) {
                            throw new PullException(
                                    shown
                                            + " does not answer like Hugging Face: check the "
                                            + "endpoint",
                                    e);
                        }
                    });
        } catch (IOException e) {
            throw new PullException(e.getMessage(), e);
        }
    }

    private HttpUrl accept(Http.Answer answer, HttpUrl page, Map<String, Entry> entries)
            throws IOException {
        Optional<BusyException> busy = BusyException.of(answer);
        if (busy.isPresent()) {
            throw busy.get();
        }
        if (answer.status() != 200) {
            throw refused(answer.status());
        }
        JsonNode list = new JsonMapper().readTree(text(answer, page));
        if (!list.isArray()) {
            throw new PullException(
                    Http.shown(page) + " does not answer like Hugging Face: check the endpoint");
        }
        for (JsonNode file : list) {
            if (file.path("type").asText().equals("file")) {
                JsonNode lfs = file.path("lfs");
                String path = file.path("path").asText();
                entries.put(
                        path,
                        new Entry(
                                path,
                                lfs.path("size").asLong(file.path("size").asLong()),
                                Optional.ofNullable(lfs.path("oid").textValue())));
            }
        }
        Matcher next = NEXT.matcher(answer.header("Link").orElse(""));
        return next.find() ? page.resolve(next.group(1)) : null;
    }

    private byte[] text(Http.Answer answer, HttpUrl page) throws IOException {
        try {
            return answer.response().body().bytes();
        } catch (IOException e) {
            throw http.failure(e, page);
        }
    }

    private PullException refused(int status) {
        return switch (status) {
            case 401, 403 ->
                    new PullException(
                            String.format(
                                    Locale.ROOT,
                                    "hf:%s: the server says %d; there is no such repository, or %s",
                                    repository,
                                    status,
                                    http.adviceOnRefusal(http.endpoint())));
            case 404 ->
                    new PullException(
                            "hf:%s: there is no such repository, or no revision %s"
                                    .formatted(repository, revision));
            default ->
                    new PullException(
                            String.format(
                                    Locale.ROOT, "hf:%s: the server says %d", repository, status));
        };
    }
}
