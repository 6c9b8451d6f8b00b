package io.github.bigllama.core;

import io.github.bigllama.core.exception.MediaException;
import io.github.bigllama.core.media.Media;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.internal.load.ModelLoader;
import io.github.bigllama.internal.media.MediaEncoder;
import io.github.bigllama.internal.media.MediaPiece;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What lets a model see or hear: turns images and sounds into embeddings that the model computes in
 * the place of tokens ({@code mmproj}; see {@link ModelOptions#withProjector}). Chats use it for
 * messages with {@link Media}. Belongs to its model, and is closed with it. Thread-safe.
 *
 * <p>An image or a sound takes as many cells of the KV cache as it has embeddings, and is kept
 * there as tokens are: the same one at the same place is not computed again. Sessions whose KV
 * cache holds one can't be saved, draft no tokens, and end an answer when the context is full, even
 * with {@link io.github.bigllama.core.option.ContextFull#SHIFT}. A computation of embeddings under
 * way is not interrupted.
 */
public final class Projector {
    private final Path path;
    private final MediaEncoder encoder;

    private Projector(Path path, MediaEncoder encoder) {
        this.path = path;
        this.encoder = encoder;
    }

    /** Loads the one of a model's options, if there is one; it needs the weights. */
    static @Nullable Projector load(ModelLoader.Loaded model) {
        ModelOptions options = model.options();
        Path file = options.projector().orElse(null);
        if (file == null || options.vocabularyOnly()) {
            return null;
        }
        boolean onGpu = options.gpuLayers() != 0;
        return new Projector(file, new MediaEncoder(file, model.handle().pointer(), onGpu));
    }

    /** The file that it was loaded from. */
    public Path path() {
        return path;
    }

    /** Whether it takes images. */
    public boolean supportsVision() {
        return encoder.supportsVision();
    }

    /** Whether it takes sounds. */
    public boolean supportsAudio() {
        return encoder.supportsAudio();
    }

    /**
     * The tokens that stand for an image or a sound in this model, with those that mark its
     * beginning and its end: to be given to {@link LlamaSession#generate(int[],
     * io.github.bigllama.core.option.GenerationOptions)} among the tokens of a text. Numbers below
     * 0, which no vocabulary has, stand for its embeddings, one for each position. Nothing but
     * decoding is computed yet. The model keeps only a weak reference: hold the media ({@link
     * java.lang.ref.Reference#reachabilityFence}) until no session has to compute it any more;
     * otherwise the answer fails with {@link MediaException}. A chat holds it in its messages.
     *
     * @throws MediaException if it can't be decoded, has too many pixels or samples, or is nothing
     *     that the projector takes
     */
    public int[] encode(Media media) {
        return encoder.tokens(Objects.requireNonNull(media, "media"));
    }

    /**
     * The number of cells of the KV cache that tokens take: one each, except that an image takes
     * one for each of its embeddings, and may have more of them than positions (M-RoPE).
     *
     * @throws IllegalArgumentException if a token below 0 is not of this projector, or does not
     *     stand among those that {@link #encode} has put around it
     */
    public int cells(int[] tokens) {
        int cells = 0;
        for (int i = 0; i < tokens.length; ) {
            if (MediaPiece.isMedia(tokens[i])) {
                MediaPiece piece = encoder.runAt(tokens, i);
                cells += piece.cells();
                i += piece.positions();
            } else {
                cells++;
                i++;
            }
        }
        return cells;
    }

    MediaEncoder encoder() {
        return encoder;
    }
}
