package io.github.bigllama.cli.option;

import io.github.bigllama.cli.models.ModelSource;
import io.github.bigllama.cli.models.RemoteModel;
import io.github.bigllama.cli.network.Http;
import io.github.bigllama.core.gguf.ModelFiles;
import java.nio.file.Path;

/** Reads the headers of a model, which need not be on this machine. */
public final class ModelHeaders {
    private ModelHeaders() {}

    /**
     * Reads the headers of a model.
     *
     * @param source a file, a downloaded model's name, an address, {@code hf:owner/repo:quant}, or
     *     {@code demo}
     */
    public static ModelFiles read(String source) {
        if (source.equals("demo")) {
            return ModelFiles.read(ModelArguments.demoModel());
        }
        if (ModelSource.isRemote(source)) {
            Http http = Http.ofEnvironment(endpoint());
            RemoteModel model =
                    ModelSource.find(source, http, line -> System.err.println("bigllama: " + line));
            model.choice().ifPresent(line -> System.err.println("bigllama: " + line));
            return read(model, http);
        }
        return ModelFiles.read(ModelArguments.file(Path.of(source)));
    }

    /** Reads the headers of a model that has been found on the web. */
    public static ModelFiles read(RemoteModel model, Http http) {
        return ModelFiles.read(model.firstAddress(), model.sender(http));
    }

    /** The address of Hugging Face, unless the environment names another server. */
    public static String endpoint() {
        String given = System.getenv("HF_ENDPOINT");
        return given == null || given.isBlank() ? "https://huggingface.co" : given;
    }
}
