package io.github.bigllama.cli.option;

import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.inspect.ModelKind;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Predicate;

/** What a command uses a model for; for another kind of model, it names the command that is. */
public enum ModelUse {
    WRITE(ModelKind::generates, "write texts"),
    EMBED(ModelKind::embeds, "turn texts into vectors"),
    RERANK(ModelKind::ranks, "score documents"),
    SERVE(kind -> kind.embeds() || kind.ranks(), "serve");

    private final Predicate<ModelKind> can;
    private final String verb;

    ModelUse(Predicate<ModelKind> can, String verb) {
        this.can = can;
        this.verb = verb;
    }

    /** Requires a model that can be used for this; closes it otherwise. */
    public LlamaModel require(LlamaModel model) {
        ModelKind kind = model.kind();
        if (can.test(kind)) {
            return model;
        }
        Path path = model.path();
        model.close();
        throw refuse(path, kind);
    }

    /**
     * Requires a model that can be used for this before it is loaded with others, which might be
     * named in its place. A file that is damaged, or no model, passes: loading it says so.
     *
     * @param overrides of the metadata
     */
    void requireHeader(Path path, Map<String, ?> overrides) {
        ModelKind kind;
        try {
            kind = ModelKind.of(ModelFiles.read(path), overrides);
        } catch (GgufException e) {
            return;
        }
        if (kind.isModel() && !can.test(kind)) {
            throw refuse(path, kind);
        }
    }

    private CommandException refuse(Path path, ModelKind kind) {
        return new CommandException(
                ExitCode.FAILED,
                "cannot %s with %s: it %s%s".formatted(verb, path, kind.sentence(), instead(kind)),
                null);
    }

    private static String instead(ModelKind kind) {
        return switch (kind) {
            case LANGUAGE_MODEL, RECURRENT, HYBRID -> "; see bigllama run and bigllama chat";
            case EMBEDDING -> "; see bigllama embed";
            case RERANKER -> "; see bigllama rerank";
            case VOCABULARY -> "; see bigllama tokenize";
            default -> ", which no command computes with; see bigllama inspect";
        };
    }
}
