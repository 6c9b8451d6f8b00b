package io.github.bigllama.core;

import java.util.List;

/**
 * An answer as text: from the bytes of its tokens to the pieces that are shown of it. Pieces are
 * whole characters. Not thread-safe.
 */
final class AnswerText {
    private final Utf8Decoder decoder = new Utf8Decoder();
    private final StopStrings stops;
    private final StringBuilder produced = new StringBuilder();
    private AnswerReader reader = this::rest;

    /** Chars of what was produced that the reader has seen. */
    private int read;

    /** What is to be shown and was not taken yet; null for nothing. */
    private String piece;

    /**
     * Nothing yet.
     *
     * @param stopStrings texts before which it ends
     */
    AnswerText(List<String> stopStrings) {
        stops = new StopStrings(stopStrings);
    }

    /** Has somebody else decide which of it is shown. */
    void readBy(AnswerReader newReader) {
        reader = newReader;
    }

    /** All of it is shown. */
    private String rest(CharSequence text, boolean isComplete) {
        return text.subSequence(read, text.length()).toString();
    }

    /** It goes on with the bytes of a token. */
    void append(byte[] bytes) {
        offer(stops.append(decoder.decode(bytes)));
    }

    /** It ends here: what was held back is the last piece. */
    void end() {
        if (!stops.found()) {
            offer(stops.append(decoder.flush()));
        }
        if (!stops.found()) {
            offer(stops.flush());
        }
        show(true);
    }

    /** Whether a stop string has ended it. */
    boolean isStopped() {
        return stops.found();
    }

    private void offer(String text) {
        if (!text.isEmpty()) {
            produced.append(text);
            show(false);
        }
    }

    private void show(boolean isComplete) {
        String text = reader.read(produced, isComplete);
        read = produced.length();
        if (!text.isEmpty()) {
            piece = piece == null ? text : piece + text;
        }
    }

    /** Whether there is something to show. */
    boolean hasPiece() {
        return piece != null;
    }

    /** Takes what there is to show. */
    String takePiece() {
        String taken = piece;
        piece = null;
        return taken;
    }

    /** What the model has said so far, also what no piece shows. */
    String produced() {
        return produced.toString();
    }
}
