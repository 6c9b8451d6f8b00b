package io.github.bigllama.internal.engine;

import io.github.bigllama.core.exception.MediaException;
import io.github.bigllama.internal.media.Embeddings;
import io.github.bigllama.internal.media.MediaEncoder;
import io.github.bigllama.internal.media.MediaPiece;
import java.util.Locale;
import java.util.Objects;

/**
 * Computes images and sounds in the place of tokens.
 *
 * @param lane that of the sequence
 */
record MediaPasses(Lane lane) {
    /** Computes the embeddings that a run of tokens stands for; 0 if aborted. */
    int compute(int[] source, int from) {
        MediaEncoder media = Objects.requireNonNull(lane.context().media());
        MediaPiece piece = media.runAt(source, from);
        requireMicroBatch(piece);
        Sequence sequence = lane.sequence();
        int before = sequence.used();
        int done = 0;
        try (Embeddings embeddings = media.encode(piece, before)) {
            while (done < piece.cells()) {
                int count = Math.min(piece.cells() - done, lane.context().batchSize());
                int computed = lane.compute(new Request(lane, embeddings, done, count));
                if (computed == 0) {
                    return 0;
                }
                done += computed;
            }
        } finally {
            boolean isDone = done == piece.cells();
            lane.change(
                    () -> {
                        if (isDone) {
                            sequence.append(source, from, piece.positions());
                        } else {
                            sequence.rollBack(sequence.used());
                        }
                        return null;
                    });
        }
        return piece.positions();
    }

    /** llama.cpp would end the process. */
    private void requireMicroBatch(MediaPiece piece) {
        if (!piece.isCausal() && piece.cells() > lane.context().microBatchSize()) {
            throw new MediaException(
                    String.format(
                            Locale.ROOT,
                            "%s takes %d tokens, which this model computes at once, and the session at most %d: open it with a larger micro-batch (-ub)",
                            piece.name(),
                            piece.cells(),
                            lane.context().microBatchSize()));
        }
    }
}
