package io.github.bigllama.cli.models;

import io.github.bigllama.cli.models.RemoteModel.RemoteFile;
import io.github.bigllama.cli.network.Http;
import io.github.bigllama.cli.network.PullException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import okhttp3.HttpUrl;

/** Finds the files of a model from the source that a user wrote. */
public final class ModelSource {
    private static final String HUGGING_FACE = "hf:";

    /** The file name of one part of a model: the prefix, its number, and the number of parts. */
    static final Pattern PART =
            Pattern.compile("(.+)-([0-9]{5})(-of-)([0-9]{5})(\\.gguf)", Pattern.CASE_INSENSITIVE);

    /** A piece of a file that was not split by llama.cpp. */
    static final Pattern PIECE =
            Pattern.compile(
                    "(.+\\.gguf)[-._](?:part[-_]?(?:[0-9]+|[a-z]{1,2})(?:[-_]?of[-_]?[0-9]+)?|split[-_]?(?:[a-z]{1,2}|[0-9]+)|[a-z]{1,2}|[0-9]{1,4})",
                    Pattern.CASE_INSENSITIVE);

    /**
     * Parameters of signed addresses, which differ each time, and one that has no effect on the
     * file.
     */
    private static final Pattern ONE_TIME =
            Pattern.compile(
                    "X-(Amz|Goog|OSS|Cos)-.*|AWSAccessKeyId|GoogleAccessId|OSSAccessKeyId|Expires|Signature|Key-Pair-Id"
                            + "|Policy|sig|se|st|sp|sv|sr|spr|skoid|sktid|skt|ske|sks|skv|(access_)?token|download",
                    Pattern.CASE_INSENSITIVE);

    private ModelSource() {}

    /** Whether a source is on the web. */
    public static boolean isRemote(String source) {
        return source.startsWith(HUGGING_FACE) || source.matches("(?i)https?://.*");
    }

    /**
     * Finds the files of a model.
     *
     * @param source {@code hf:owner/repo[@revision][:choice]}, or the address of a GGUF file
     * @param http the client; its endpoint is the server of {@code hf:}
     * @param notice is given lines for the user
     * @throws PullException if there is no such model, or there are several
     */
    public static RemoteModel find(String source, Http http, Consumer<String> notice) {
        if (source.startsWith(HUGGING_FACE)) {
            return HuggingFace.find(source.substring(HUGGING_FACE.length()), http, notice);
        }
        // The library accepts any number of slashes, and then takes a path as a server.
        HttpUrl given = source.matches("(?is)https?://[^/?#].*") ? HttpUrl.parse(source) : null;
        if (given == null) {
            throw new PullException(
                    "'%s' is not the address of a model; write hf:owner/repo or https://.../x.gguf"
                            .formatted(source.replaceAll("//[^/?#]*@|\\?.*", "...")));
        }
        Optional<RepositoryPage> page = RepositoryPage.of(given, http.endpoint());
        if (page.isPresent() && page.get().isOfEndpoint()) {
            return HuggingFace.find(page.get(), http, notice);
        }
        return files(page.map(RepositoryPage::file).orElse(given));
    }

    private static RemoteModel files(HttpUrl address) {
        String file = address.pathSegments().getLast();
        if (PIECE.matcher(file).matches()) {
            throw new PullException(Http.shown(address) + " " + inPieces(file));
        }
        if (!file.toLowerCase(Locale.ROOT).endsWith(".gguf")) {
            throw new PullException(
                    Http.shown(address)
                            + ": the address of a model ends in .gguf; a repository is hf:owner/repo");
        }
        requireFirst(file, Http.shown(address));
        List<RemoteFile> files = new ArrayList<>();
        for (String part : parts(file)) {
            HttpUrl own =
                    part.equals(file)
                            ? address
                            : address.newBuilder()
                                    .setPathSegment(address.pathSize() - 1, part)
                                    .build();
            files.add(
                    new RemoteFile(
                            own, LocalPaths.of(own), OptionalLong.empty(), Optional.empty()));
        }
        return new RemoteModel(ModelsFolder.name(files.getFirst().path()), files, Optional.empty());
    }

    /** The message for a piece of a file. */
    static String inPieces(String file) {
        Matcher piece = PIECE.matcher(file);
        String whole = piece.matches() ? piece.group(1) : file;
        return "is a piece of a file that was cut up, and can't be run: download all pieces and "
                + "join them in order with cat PIECE1 PIECE2 ... > "
                + whole;
    }

    /**
     * Requires a single file or a first part.
     *
     * @param shown the file, as shown in the message
     */
    static void requireFirst(String file, String shown) {
        Matcher part = PART.matcher(file);
        if (part.matches() && Integer.parseInt(part.group(2)) != 1) {
            throw new PullException(
                    String.format(
                            Locale.ROOT,
                            "%s is part %d of %d: name the first, %s, and all parts are downloaded",
                            shown,
                            Integer.parseInt(part.group(2)),
                            Integer.parseInt(part.group(4)),
                            part(part, 1)));
        }
    }

    /** The names of all files, given the name of the first or only one. */
    static List<String> parts(String file) {
        Matcher part = PART.matcher(file);
        if (!part.matches()) {
            return List.of(file);
        }
        List<String> parts = new ArrayList<>();
        int count = Integer.parseInt(part.group(4));
        for (int i = 1; i <= Math.max(1, count); i++) {
            parts.add(part(part, i));
        }
        return parts;
    }

    private static String part(Matcher of, int number) {
        return String.format(
                Locale.ROOT,
                "%s-%05d%s%s%s",
                of.group(1),
                number,
                of.group(3),
                of.group(4),
                of.group(5));
    }

    /** An address without parts that are secret or valid only once. */
    static HttpUrl lasting(HttpUrl address) {
        HttpUrl.Builder lasting =
                address.newBuilder().username("").password("").fragment(null).query(null);
        for (int i = 0; i < address.querySize(); i++) {
            if (!ONE_TIME.matcher(address.queryParameterName(i)).matches()) {
                lasting.addQueryParameter(
                        address.queryParameterName(i), address.queryParameterValue(i));
            }
        }
        return lasting.build();
    }
}
