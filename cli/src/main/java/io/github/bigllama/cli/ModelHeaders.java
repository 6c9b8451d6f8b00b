package io.github.bigllama.cli;

import io.github.bigllama.cli.models.Http;
import io.github.bigllama.cli.models.ModelSource;
import io.github.bigllama.cli.models.RemoteModel;
import io.github.bigllama.gguf.ModelFiles;
import java.net.URI;
import java.nio.file.Path;

/** A model to look at, which need not be on this machine. */
final class ModelHeaders {
    private ModelHeaders() {}

    /**
     * Reads the headers.
     *
     * @param source a file, a downloaded model's name, an address, {@code hf:owner/repo:quant}, or
     *     {@code demo}
     */
    static ModelFiles read(String source) {
        if (source.equals("demo")) {
            return ModelFiles.read(ModelArguments.demoModel());
        }
        if (ModelSource.isRemote(source)) {
            Http http = Http.ofEnvironment();
            RemoteModel model = ModelSource.find(source, endpoint(), http);
            return ModelFiles.read(model.files().getFirst().address(), http);
        }
        return ModelFiles.read(ModelArguments.file(Path.of(source)));
    }

    /** Of Hugging Face, unless the environment names another. */
    static URI endpoint() {
        String given = System.getenv("HF_ENDPOINT");
        return URI.create(given == null || given.isBlank() ? "https://huggingface.co" : given);
    }
}
