package io.github.bigllama.internal.text;

import java.util.List;

/**
 * Turns the bytes of an answer's tokens into pieces of text. Pieces are whole characters. Not
 * thread-safe.
 */
public final class AnswerText {
    private final Utf8Decoder decoder = new Utf8Decoder();
    private final StopStrings stops;

    /** Text that was not taken yet; null for none. */
    private String piece;

    /**
     * Creates an empty answer.
     *
     * @param stopStrings texts before which the answer ends
     */
    public AnswerText(List<String> stopStrings) {
        stops = new StopStrings(stopStrings);
    }

    /** Appends the bytes of a token. */
    public void append(byte[] bytes) {
        offer(stops.append(decoder.decode(bytes)));
    }

    /** Ends the answer: the text held back becomes the last piece. */
    public void end() {
        if (!stops.found()) {
            offer(stops.append(decoder.flush()));
        }
        if (!stops.found()) {
            offer(stops.flush());
        }
    }

    /** Whether a stop string has ended the answer. */
    public boolean isStopped() {
        return stops.found();
    }

    private void offer(String text) {
        if (!text.isEmpty()) {
            piece = piece == null ? text : piece + text;
        }
    }

    /** Whether there is a piece to take. */
    public boolean hasPiece() {
        return piece != null;
    }

    /** Takes the text that is complete. */
    public String takePiece() {
        String taken = piece;
        piece = null;
        return taken;
    }
}
