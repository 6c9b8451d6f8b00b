package io.github.bigllama.cli.models;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.bigllama.cli.models.RemoteModel.RemoteFile;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Repositories of Hugging Face, or of a server with the same interface. */
final class HuggingFace {
    private static final Pattern SOURCE =
            Pattern.compile("([\\w.-]+)/([\\w.-]+)(?:@([\\w./-]+))?(?::([\\w.-]+))?");
    private static final Pattern NEXT = Pattern.compile("<([^>]+)>\\s*;\\s*rel=\"next\"");
    private static final Pattern OTHER_PART = Pattern.compile(".*-\\d{5}-of-\\d{5}\\.gguf");
    private static final String USUAL = "Q4_K_M";
    private static final int MOST_PAGES = 100;
    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    private final String repository;
    private final String revision;
    private final URI endpoint;
    private final Http http;

    /** A file of the repository. */
    private record Entry(String path, long size, Optional<String> sha256) {}

    private HuggingFace(String repository, String revision, URI endpoint, Http http) {
        this.repository = repository;
        this.revision = revision;
        this.endpoint = endpoint;
        this.http = http;
    }

    static RemoteModel find(String source, URI endpoint, Http http) {
        Matcher matcher = SOURCE.matcher(source);
        if (!matcher.matches()) {
            throw new PullException(
                    "'hf:%s' is no repository; write hf:owner/repo or hf:owner/repo:Q4_K_M"
                            .formatted(source));
        }
        String revision = matcher.group(3) == null ? "main" : matcher.group(3);
        HuggingFace repository =
                new HuggingFace(
                        matcher.group(1) + "/" + matcher.group(2), revision, endpoint, http);
        return repository.choose(repository.list(), Optional.ofNullable(matcher.group(4)));
    }

    private RemoteModel choose(Map<String, Entry> all, Optional<String> quantization) {
        // A model is its first file; a projector for images is none.
        List<Entry> models =
                all.values().stream()
                        .filter(entry -> entry.path.toLowerCase(Locale.ROOT).endsWith(".gguf"))
                        .filter(entry -> !name(entry).toLowerCase(Locale.ROOT).contains("mmproj"))
                        .filter(
                                entry ->
                                        !OTHER_PART.matcher(entry.path).matches()
                                                || ModelSource.FIRST_PART
                                                        .matcher(entry.path)
                                                        .matches())
                        .toList();
        List<Entry> chosen = matching(models, quantization.orElse(""));
        if (quantization.isEmpty() && chosen.size() > 1) {
            chosen = matching(models, USUAL);
        }
        if (chosen.size() != 1) {
            throw new PullException(
                    "hf:%s has %s%s: %s"
                            .formatted(
                                    repository,
                                    chosen.isEmpty() && !models.isEmpty()
                                            ? "no model"
                                            : models.isEmpty() ? "no GGUF file" : "several models",
                                    quantization.map(text -> " of " + text).orElse(""),
                                    models.isEmpty()
                                            ? "look for a repository whose name ends in GGUF"
                                            : "choose one of "
                                                    + models.stream()
                                                            .map(entry -> describe(entry, all))
                                                            .collect(Collectors.joining(", "))));
        }
        List<RemoteFile> files = new ArrayList<>();
        for (String path : ModelSource.parts(chosen.getFirst().path)) {
            Entry entry = all.get(path);
            if (entry == null) {
                throw new PullException("hf:%s has no %s".formatted(repository, path));
            }
            files.add(
                    new RemoteFile(
                            endpoint.resolve(
                                    "/%s/resolve/%s/%s"
                                            .formatted(
                                                    repository,
                                                    revision,
                                                    ModelSource.encode(path))),
                            repository
                                    + "/"
                                    + ModelsFolder.safe(path.substring(path.lastIndexOf('/') + 1)),
                            OptionalLong.of(entry.size),
                            entry.sha256));
        }
        return new RemoteModel(ModelsFolder.name(files.getFirst().path()), files);
    }

    /** Those that have a word in their name. */
    private static List<Entry> matching(List<Entry> models, String word) {
        if (word.isEmpty()) {
            return models;
        }
        Pattern pattern =
                Pattern.compile(
                        "(?<![A-Za-z0-9])" + Pattern.quote(word) + "(?![A-Za-z0-9_])",
                        Pattern.CASE_INSENSITIVE);
        return models.stream().filter(entry -> pattern.matcher(entry.path).find()).toList();
    }

    private static String name(Entry entry) {
        return entry.path.substring(entry.path.lastIndexOf('/') + 1);
    }

    private static String describe(Entry entry, Map<String, Entry> all) {
        long size =
                ModelSource.parts(entry.path).stream()
                        .map(all::get)
                        .filter(Objects::nonNull)
                        .mapToLong(Entry::size)
                        .sum();
        return String.format(
                Locale.ROOT, "%s (%.1f GB)", ModelsFolder.name(name(entry)), size / 1e9);
    }

    private Map<String, Entry> list() {
        Map<String, Entry> entries = new TreeMap<>();
        URI page =
                endpoint.resolve(
                        "/api/models/%s/tree/%s?recursive=true".formatted(repository, revision));
        for (int i = 0; i < MOST_PAGES && page != null; i++) {
            page = read(page, entries);
        }
        return entries;
    }

    /** Reads a page of the list; gives the next. */
    private URI read(URI page, Map<String, Entry> entries) {
        HttpRequest request = HttpRequest.newBuilder(page).timeout(TIMEOUT).build();
        try {
            HttpResponse<InputStream> response = http.send(request);
            try (InputStream body = response.body()) {
                if (response.statusCode() != 200) {
                    throw refused(response.statusCode());
                }
                for (JsonNode file : new JsonMapper().readTree(body)) {
                    if (file.path("type").asText().equals("file")) {
                        JsonNode lfs = file.path("lfs");
                        entries.put(
                                file.path("path").asText(),
                                new Entry(
                                        file.path("path").asText(),
                                        lfs.path("size").asLong(file.path("size").asLong()),
                                        Optional.ofNullable(lfs.path("oid").textValue())));
                    }
                }
            }
            String link = response.headers().firstValue("Link").orElse("");
            Matcher next = NEXT.matcher(link);
            return next.find() ? page.resolve(next.group(1)) : null;
        } catch (JacksonException e) {
            throw new PullException(
                    "%s does not answer as Hugging Face does: is the endpoint right?"
                            .formatted(page),
                    e);
        } catch (IOException e) {
            throw new PullException(
                    "cannot reach %s: %s"
                            .formatted(
                                    page, e.getMessage() == null ? e.toString() : e.getMessage()),
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PullException("interrupted", e);
        }
    }

    private PullException refused(int status) {
        return switch (status) {
            case 401, 403 ->
                    new PullException(
                            "hf:%s: the server says %d; there is no such repository, or %s"
                                    .formatted(repository, status, http.adviceOnRefusal(endpoint)));
            case 404 ->
                    new PullException(
                            "hf:%s: there is no such repository, or no revision %s"
                                    .formatted(repository, revision));
            default -> new PullException("hf:%s: the server says %d".formatted(repository, status));
        };
    }
}
