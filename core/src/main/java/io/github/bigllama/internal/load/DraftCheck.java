package io.github.bigllama.internal.load;

import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.gguf.GgufArray;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.GgufMetadata;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.inspect.ModelKind;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/** Checks a model that is to draft for another one, and which llama.cpp's server loads itself. */
public final class DraftCheck {
    /** SPEC_VOCAB_MAX_SIZE_DIFFERENCE in llama.cpp's speculative.cpp. */
    private static final int MOST_TOKENS_APART = 128;

    /** SPEC_VOCAB_CHECK_START_TOKEN_ID. */
    private static final int FIRST_COMPARED = 5;

    /** The architectures of draft models that are computed with the states of the target. */
    private static final Map<String, String> HEADS =
            Map.of("draft-eagle3", "eagle3", "draft-dflash", "dflash", "draft-dspark", "dflash");

    private DraftCheck() {}

    /**
     * Checks a draft model.
     *
     * @throws ModelLoadException if it can't draft, or has another vocabulary: llama.cpp would end
     *     the process for some
     */
    public static void check(Path path, Path target) {
        try {
            ModelFiles files = ModelFiles.read(path);
            ModelKind kind = ModelKind.of(files);
            if (kind == ModelKind.DRAFT_HEAD) {
                return;
            }
            if (kind != ModelKind.LANGUAGE_MODEL) {
                throw failure(path, "it " + kind.sentence());
            }
            if (!isSame(files.first().metadata(), ModelFiles.read(target).first().metadata())) {
                throw failure(path, "its vocabulary is not that of " + target);
            }
        } catch (GgufException e) {
            throw new ModelLoadException(path, e.getMessage(), List.of(), e);
        }
    }

    /**
     * Checks that a kind of llama.cpp's speculation has what it asserts that it has.
     *
     * @param kind llama.cpp's name of it
     * @param draft the draft model; empty for none
     * @param draftsItself whether the target has layers that predict further tokens (MTP), which
     *     drafts between the passes may read
     * @throws ModelLoadException if it lacks that
     */
    public static void checkKind(String kind, String draft, boolean draftsItself, Path target) {
        if (kind.equals("draft-mtp")) {
            if (!draft.isEmpty()) {
                throw failure(
                        Path.of(draft), "--spec-type draft-mtp is for the model's own layers");
            }
            if (!draftsItself) {
                throw failure(
                        target,
                        "--spec-type draft-mtp needs layers that predict further tokens, of an"
                                + " architecture with which that is supported, in a model that"
                                + " fits into RAM");
            }
        }
        String architecture = HEADS.get(kind);
        if (architecture != null && !draft.isEmpty() && !isOf(Path.of(draft), architecture)) {
            throw failure(
                    Path.of(draft),
                    "--spec-type " + kind + " needs a model of the architecture " + architecture);
        }
    }

    private static boolean isOf(Path path, String architecture) {
        try {
            return ModelFiles.read(path).first().architecture().equals(Optional.of(architecture));
        } catch (GgufException e) {
            throw new ModelLoadException(path, e.getMessage(), List.of(), e);
        }
    }

    /** As common_speculative_are_compatible. */
    private static boolean isSame(GgufMetadata draft, GgufMetadata target) {
        String type = "tokenizer.ggml.model";
        List<String> drafts = tokens(draft);
        List<String> tokens = tokens(target);
        int common = Math.min(drafts.size(), tokens.size());
        return draft.string(type).equals(target.string(type))
                && Math.abs(drafts.size() - tokens.size()) <= MOST_TOKENS_APART
                && IntStream.range(Math.min(FIRST_COMPARED, common), common)
                        .allMatch(i -> drafts.get(i).equals(tokens.get(i)));
    }

    private static List<String> tokens(GgufMetadata metadata) {
        return metadata.array("tokenizer.ggml.tokens").map(GgufArray::strings).orElse(List.of());
    }

    private static ModelLoadException failure(Path path, String why) {
        return new ModelLoadException(path, path + " cannot draft: " + why, List.of(), null);
    }
}
