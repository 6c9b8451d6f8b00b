package io.github.bigllama.cli.option;

import io.github.bigllama.cli.models.Http;
import io.github.bigllama.cli.models.ModelSource;
import io.github.bigllama.cli.models.RemoteModel;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.core.gguf.ModelFiles;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;

/** A model to look at, which need not be on this machine. */
public final class ModelHeaders {
    private ModelHeaders() {}

    /**
     * Reads the headers.
     *
     * @param source a file, a downloaded model's name, an address, {@code hf:owner/repo:quant}, or
     *     {@code demo}
     */
    public static ModelFiles read(String source) {
        if (source.equals("demo")) {
            return ModelFiles.read(ModelArguments.demoModel());
        }
        if (ModelSource.isRemote(source)) {
            URI endpoint = requireServer(endpoint());
            Http http = Http.ofEnvironment(endpoint);
            RemoteModel model = ModelSource.find(source, endpoint, http);
            return ModelFiles.read(model.files().getFirst().address(), http);
        }
        return ModelFiles.read(ModelArguments.file(Path.of(source)));
    }

    /** Of Hugging Face, unless the environment names another. */
    public static URI endpoint() {
        String given = System.getenv("HF_ENDPOINT");
        if (given == null || given.isBlank()) {
            return URI.create("https://huggingface.co");
        }
        try {
            return new URI(given.strip());
        } catch (URISyntaxException e) {
            throw CommandException.usage(notAServer(given));
        }
    }

    public static URI requireServer(URI endpoint) {
        if (endpoint.getHost() == null || !("" + endpoint.getScheme()).matches("(?i)https?")) {
            throw CommandException.usage(notAServer(endpoint.toString()));
        }
        return endpoint;
    }

    private static String notAServer(String endpoint) {
        return "the endpoint '%s' is no web server's address; write https://..."
                .formatted(endpoint);
    }
}
