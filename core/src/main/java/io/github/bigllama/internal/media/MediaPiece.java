package io.github.bigllama.internal.media;

import io.github.bigllama.core.media.Media;
import java.lang.ref.WeakReference;
import java.util.Arrays;

/**
 * A part of an image or a sound that a model is given as embeddings: all of it, or a tile. In a
 * sequence of tokens it is a run of tokens that no vocabulary has, one for each of its positions,
 * so that the index of a token is its position; the same piece is always the same run. The first
 * token of a run differs from the others.
 *
 * @param number its number in the model
 * @param id that of the image
 * @param name that of the image
 * @param media where it comes from; held by those who may still have it computed
 * @param chunk its index among the chunks of the image
 * @param cells number of embeddings, each of which takes a cell of the KV cache
 * @param positions how far the next token is from the first embedding; with M-RoPE, fewer than
 *     cells
 * @param isCausal whether an embedding sees only those before it
 */
public record MediaPiece(
        int number,
        String id,
        String name,
        WeakReference<Media> media,
        int chunk,
        int cells,
        int positions,
        boolean isCausal) {
    /** Below LLAMA_TOKEN_NULL. */
    private static final int FIRST = -2;

    /** Whether a token stands for a part of an image or a sound. */
    public static boolean isMedia(int token) {
        return token <= FIRST;
    }

    /** Whether a token continues a run, so that a sequence can't be cut before it. */
    public static boolean isInside(int token) {
        return isMedia(token) && (FIRST - token) % 2 == 1;
    }

    /** As this one, where the object that it came from is gone, and another one has its bytes. */
    MediaPiece of(Media other) {
        return new MediaPiece(
                number, id, name, new WeakReference<>(other), chunk, cells, positions, isCausal);
    }

    static int number(int token) {
        return (FIRST - token) / 2;
    }

    /** The run of tokens. */
    int[] tokens() {
        int[] tokens = new int[positions];
        Arrays.fill(tokens, FIRST - 2 * number - 1);
        tokens[0] = FIRST - 2 * number;
        return tokens;
    }

    /** Number of tokens at an index that are of a vocabulary; at most {@code count}. */
    public static int textRun(int[] tokens, int from, int count) {
        int length = 0;
        while (length < count && !isMedia(tokens[from + length])) {
            length++;
        }
        return length;
    }

    /** Whether any of the first tokens stands for a part of an image or a sound. */
    public static boolean isIn(int[] tokens, int count) {
        return textRun(tokens, 0, count) < count;
    }

    /** The tokens of a vocabulary among these. */
    public static int[] text(int[] tokens) {
        return isIn(tokens, tokens.length)
                ? Arrays.stream(tokens).filter(token -> !isMedia(token)).toArray()
                : tokens;
    }
}
