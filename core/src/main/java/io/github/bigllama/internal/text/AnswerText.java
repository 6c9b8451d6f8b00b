package io.github.bigllama.internal.text;

import java.util.List;

/**
 * An answer as text: from the bytes of its tokens to pieces. Pieces are whole characters. Not
 * thread-safe.
 */
public final class AnswerText {
    private final Utf8Decoder decoder = new Utf8Decoder();
    private final StopStrings stops;

    /** What is to be shown and was not taken yet; null for nothing. */
    private String piece;

    /**
     * Nothing yet.
     *
     * @param stopStrings texts before which it ends
     */
    public AnswerText(List<String> stopStrings) {
        stops = new StopStrings(stopStrings);
    }

    /** It goes on with the bytes of a token. */
    public void append(byte[] bytes) {
        offer(stops.append(decoder.decode(bytes)));
    }

    /** It ends here: what was held back is the last piece. */
    public void end() {
        if (!stops.found()) {
            offer(stops.append(decoder.flush()));
        }
        if (!stops.found()) {
            offer(stops.flush());
        }
    }

    /** Whether a stop string has ended it. */
    public boolean isStopped() {
        return stops.found();
    }

    private void offer(String text) {
        if (!text.isEmpty()) {
            piece = piece == null ? text : piece + text;
        }
    }

    /** Whether there is something to show. */
    public boolean hasPiece() {
        return piece != null;
    }

    /** Takes what there is to show. */
    public String takePiece() {
        String taken = piece;
        piece = null;
        return taken;
    }
}
