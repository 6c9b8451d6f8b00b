package io.github.bigllama.core;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.internal.llama.NativeOwner;
import io.github.bigllama.internal.load.ModelLoader;
import java.util.List;
import java.util.Locale;

/** What a model can be used for; anything else is refused before native code sees it. */
final class Purposes {
    private final LlamaModel model;
    private final ModelLoader.Loaded loaded;

    Purposes(LlamaModel model, ModelLoader.Loaded loaded) {
        this.model = model;
        this.loaded = loaded;
    }

    void requireGenerating() {
        require(loaded.kind().generates(), "generate", "does not write token by token");
    }

    void requireEmbedding() {
        require(loaded.kind().embeds(), "turn texts into vectors", "can't do that");
    }

    void requireRanking() {
        require(loaded.kind().ranks(), "score documents", "can't do that");
        requireHead();
    }

    /**
     * Requires a model that takes back what it guessed wrong.
     *
     * @throws ModelLoadException if it does not
     */
    void requireDrafting() {
        ModelKind kind = loaded.kind();
        if (kind == ModelKind.RECURRENT || kind == ModelKind.HYBRID) {
            throw new ModelLoadException(
                    model.path(),
                    "%s cannot draft: it %s, but can't take back what it guessed wrong"
                            .formatted(model.path(), kind.sentence()),
                    List.of(),
                    null);
        }
    }

    /**
     * Requires a model that a server can use.
     *
     * @param ranks whether the server is to score documents
     */
    void requireServing(boolean ranks) {
        if (ranks) {
            requireRanking();
        } else {
            require(loaded.kind().embeds(), "serve", "can't do that");
        }
    }

    private void require(boolean can, String verb, String why) {
        if (!can) {
            throw new SessionException(
                    "cannot %s with %s%s: it %s, and %s"
                            .formatted(
                                    verb,
                                    model.path(),
                                    model.description().isBlank()
                                            ? ""
                                            : " (" + model.description() + ")",
                                    loaded.kind().sentence(),
                                    why),
                    List.of());
        }
        requireWeights();
    }

    void requireWeights() {
        if (loaded.options().vocabularyOnly()) {
            throw new SessionException(
                    model.path() + " was loaded without its weights, only to tokenize", List.of());
        }
    }

    /**
     * build_pooling in llama-graph.cpp leaves out a head that is missing; then llama.cpp takes any
     * numbers for scores, or asserts that there are as many as there are classes.
     */
    private void requireHead() {
        long classes = llama_h.llama_model_n_cls_out(NativeOwner.pointerOf(model));
        long scores = rows("cls.output.weight");
        scores = scores == 0 ? rows("cls.weight") : scores;
        if (scores != classes) {
            throw new SessionException(
                    String.format(
                            Locale.ROOT,
                            "cannot score documents with %s: it %s; convert it again with a newer llama.cpp",
                            model.path(),
                            scores == 0
                                    ? "has no head that makes scores, a tensor cls.output.weight"
                                    : String.format(
                                            Locale.ROOT,
                                            "makes %d scores per document, but its header names %d",
                                            scores,
                                            classes)),
                    List.of());
        }
    }

    /** The rows of a matrix, which is how many numbers it makes; 0 if the model has none. */
    private long rows(String name) {
        return loaded.weights().all().stream()
                .filter(weight -> weight.name().equals(name))
                .mapToLong(Purposes::rows)
                .findFirst()
                .orElse(0);
    }

    private static long rows(Weight weight) {
        long row = weight.columns() / weight.type().blockSize() * weight.type().typeSize();
        return weight.size() / row;
    }
}
