package io.github.bigllama.cli.models;

import io.github.bigllama.cli.models.RemoteModel.RemoteFile;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** From what a user writes to the files of a model. */
public final class ModelSource {
    private static final String HUGGING_FACE = "hf:";

    /** Part 1 of a model in several files: the name, and how many there are. */
    static final Pattern FIRST_PART =
            Pattern.compile("(.+)-00001-of-(\\d{5})\\.gguf", Pattern.CASE_INSENSITIVE);

    private ModelSource() {}

    /** Whether it names something on the web. */
    public static boolean isRemote(String source) {
        return source.startsWith(HUGGING_FACE) || source.matches("(?i)https?://.*");
    }

    /**
     * Finds the files.
     *
     * @param source {@code hf:owner/repo[@revision][:quant]}, or the address of a GGUF file
     * @param endpoint of Hugging Face, or of a server that answers alike
     * @throws PullException if there is no such model, or several
     */
    public static RemoteModel find(String source, URI endpoint, Http http) {
        if (source.startsWith(HUGGING_FACE)) {
            return HuggingFace.find(source.substring(HUGGING_FACE.length()), endpoint, http);
        }
        URI address = address(source);
        String path = address.getPath();
        String file = path.substring(path.lastIndexOf('/') + 1);
        if (!file.toLowerCase(Locale.ROOT).endsWith(".gguf")) {
            throw new PullException(
                    source
                            + ": the address of a model ends in .gguf; a repository is hf:owner/repo");
        }
        List<RemoteFile> files = new ArrayList<>();
        for (String part : parts(file)) {
            files.add(
                    new RemoteFile(
                            sibling(address, part),
                            ModelsFolder.safe(address.getHost()) + "/" + ModelsFolder.safe(part),
                            OptionalLong.empty(),
                            Optional.empty()));
        }
        return new RemoteModel(ModelsFolder.name(files.getFirst().path()), files);
    }

    /** The names of all files, for that of the first or only one. */
    static List<String> parts(String file) {
        Matcher matcher = FIRST_PART.matcher(file);
        if (!matcher.matches()) {
            return List.of(file);
        }
        List<String> parts = new ArrayList<>();
        int count = Integer.parseInt(matcher.group(2));
        for (int i = 1; i <= count; i++) {
            parts.add("%s-%05d-of-%05d.gguf".formatted(matcher.group(1), i, count));
        }
        return parts;
    }

    private static URI sibling(URI address, String file) {
        String query = address.getRawQuery() == null ? "" : "?" + address.getRawQuery();
        String raw = address.getRawPath();
        String name = raw.substring(raw.lastIndexOf('/') + 1);
        // The name that the user wrote is kept as it is written.
        String encoded = parts(name).size() > 1 || !name.equals(file) ? encode(file) : name;
        return address.resolve(encoded + query);
    }

    /** For a path of an address. */
    static String encode(String path) {
        try {
            return new URI(null, null, "/" + path, null).getRawPath().substring(1);
        } catch (URISyntaxException e) {
            throw new PullException("'" + path + "' is no path of an address", e);
        }
    }

    /** An address as it may be shown: a query or a user can be a secret. */
    static String shown(URI address) {
        String shown =
                address.getScheme()
                        + "://"
                        + address.getHost()
                        + (address.getPort() < 0 ? "" : ":" + address.getPort())
                        + address.getRawPath();
        return address.getRawQuery() == null ? shown : shown + "?...";
    }

    private static URI address(String source) {
        try {
            URI uri = new URI(source);
            if (uri.getHost() != null && uri.getPath() != null) {
                return uri;
            }
        } catch (URISyntaxException e) {
            // As below.
        }
        throw new PullException(
                "'"
                        + source
                        + "' is no address of a model; write hf:owner/repo or https://.../x.gguf");
    }
}
