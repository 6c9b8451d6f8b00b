package io.github.bigllama.internal.chat;

import io.github.bigllama.core.Projector;
import io.github.bigllama.core.Tokenizer;
import io.github.bigllama.core.exception.MediaException;
import io.github.bigllama.core.media.Media;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Tells text that reads like a control token from the control tokens that a template writes. A
 * template makes one text of both; so the former is marked before the template is applied, and
 * encoded as plain text afterwards.
 *
 * <p>The mark is a Unicode noncharacter, which texts do not contain; a mark that is in a text
 * anyway is marked itself. In the place of images and sounds, templates write markers, which are
 * numbers between two of another noncharacter. Thread-safe.
 */
public final class ControlText {
    private static final char MARK = '\uFDD0';

    /** The mark as a template writes it in ASCII-only JSON. */
    private static final String ESCAPED_MARK = "\\ufdd0";

    /** Begins and ends the marker of an image. */
    private static final char MEDIA = '\uFDD1';

    private static final Pattern MARKER = Pattern.compile(MEDIA + "(\\d+)" + MEDIA);

    private final Tokenizer tokenizer;
    private final boolean isOff;
    private final @Nullable Projector projector;

    /** The tokens of images and sounds, by number, and their ids in the same order. */
    private final List<int[]> media = new ArrayList<>();

    private final List<String> ids = new ArrayList<>();

    /**
     * Marks texts for the control tokens of one vocabulary.
     *
     * @param isOff whether to mark nothing, so that control tokens in messages are control tokens
     */
    public ControlText(Tokenizer tokenizer, boolean isOff) {
        this(tokenizer, isOff, null);
    }

    /** As the other constructor, with what knows the tokens of images; null for none. */
    public ControlText(Tokenizer tokenizer, boolean isOff, @Nullable Projector projector) {
        this.tokenizer = tokenizer;
        this.isOff = isOff;
        this.projector = projector;
    }

    /**
     * The text that stands for an image or a sound in a prompt.
     *
     * @throws MediaException if it can't be decoded, or there is no projector
     */
    public synchronized String marker(Media image) {
        if (projector == null) {
            throw new MediaException(
                    "the model can't see or hear "
                            + image.name()
                            + ": it was loaded without a projector; give it one with --mmproj (ModelOptions.withProjector)");
        }
        int[] tokens = projector.encode(image);
        int number = ids.indexOf(image.id());
        if (number < 0) {
            number = ids.size();
            ids.add(image.id());
            media.add(tokens);
        }
        return MEDIA + Integer.toString(number) + MEDIA;
    }

    /** Whether a text is nothing but a marker. */
    public static boolean isMarker(String text) {
        return MARKER.matcher(text).matches();
    }

    /** The marker at an index, if there is one. */
    static Optional<String> markerAt(String text, int at) {
        Matcher marker = MARKER.matcher(text).region(at, text.length());
        return text.charAt(at) == MEDIA && marker.lookingAt()
                ? Optional.of(marker.group())
                : Optional.empty();
    }

    /** The index of the next marker; the length of the text if there is none. */
    static int nextMarker(String marked, int from) {
        int at = from;
        while (at < marked.length() && markerAt(marked, at).isEmpty()) {
            at += marked.charAt(at) == MARK ? 2 : 1;
        }
        return Math.min(at, marked.length());
    }

    /** Number of markers in a text. */
    public int markers(String marked) {
        int count = 0;
        for (int at = nextMarker(marked, 0); at < marked.length(); count++) {
            at = nextMarker(marked, at + 1);
        }
        return count;
    }

    /** The tokens that a marker stands for. */
    synchronized int[] tokens(String marker) {
        return media.get(Integer.parseInt(marker.substring(1, marker.length() - 1)));
    }

    Tokenizer tokenizer() {
        return tokenizer;
    }

    /** Marks what reads like a control token. */
    public String mark(String text) {
        StringBuilder marked = null;
        int from = 0;
        for (int i = 0; i < text.length(); ) {
            int length = isOff ? 0 : controlAt(text, i);
            char c = text.charAt(i);
            if (length > 0 || c == MARK || c == MEDIA || isEscapedMark(text, i)) {
                marked = marked == null ? new StringBuilder() : marked;
                marked.append(text, from, i).append(MARK);
                from = i;
            }
            i += Math.max(1, length);
        }
        return marked == null ? text : marked.append(text, from, text.length()).toString();
    }

    private static boolean isEscapedMark(String text, int at) {
        if (!text.regionMatches(true, at, ESCAPED_MARK, 0, ESCAPED_MARK.length())) {
            return false;
        }
        int before = at;
        while (before > 0 && text.charAt(before - 1) == '\\') {
            before--;
        }
        return (at - before) % 2 == 0; // Otherwise the backslash itself is escaped.
    }

    /** The text that a template has written, with escaped marks turned back into marks. */
    public static String withPlainMarks(String written) {
        StringBuilder marked = new StringBuilder();
        for (int i = 0; i < written.length(); ) {
            if (isEscapedMark(written, i)) {
                marked.append(MARK);
                i += ESCAPED_MARK.length();
            } else {
                boolean isMark = written.charAt(i) == MARK && i + 1 < written.length();
                marked.append(written, i, i + (isMark ? 2 : 1));
                i += isMark ? 2 : 1;
            }
        }
        return marked.toString();
    }

    /** The text without marks. */
    public String unmark(String marked) {
        return marked.indexOf(MARK) < 0 ? marked : unmark(marked, new int[marked.length() + 1]);
    }

    /**
     * As {@link #unmark(String)}, with the positions of all chars.
     *
     * @param positions is filled with the index, in the marked text, of each char of the text and
     *     of its end
     */
    String unmark(String marked, int[] positions) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < marked.length(); i++) {
            positions[text.length()] = i;
            if (marked.charAt(i) == MARK && i + 1 < marked.length()) {
                i++;
            }
            text.append(marked.charAt(i));
        }
        positions[text.length()] = marked.length();
        return text.toString();
    }

    private static boolean isPlain(String marked) {
        return marked.indexOf(MARK) < 0 && marked.indexOf(MEDIA) < 0;
    }

    /** Encodes a whole prompt, with the tokens that the model wants at the beginning. */
    public int[] encodePrompt(String marked) {
        if (isPlain(marked)) {
            return tokenizer.encode(marked);
        }
        int[] tokens = encode(marked);
        int begin = tokenizer.beginOfSequence().orElse(-1);
        return tokenizer.addsBeginOfSequence() && (tokens.length == 0 || tokens[0] != begin)
                ? IntStream.concat(IntStream.of(begin), IntStream.of(tokens)).toArray()
                : tokens;
    }

    /** Encodes a text, without additional tokens. */
    public int[] encode(String marked) {
        if (isPlain(marked)) {
            return tokenizer.encode(marked, false, true);
        }
        List<int[]> parts = new ArrayList<>();
        // Text between control tokens is encoded as a whole, as llama.cpp does.
        StringBuilder parsed = new StringBuilder();
        StringBuilder run = new StringBuilder();
        boolean hasMark = false;
        for (int i = 0; i < marked.length(); ) {
            int control = controlAt(marked, i);
            Optional<String> marker = markerAt(marked, i);
            if (marker.isPresent()) {
                hasMark = flush(parts, parsed, run, hasMark);
                parts.add(tokenizer.encode(parsed.toString(), false, true));
                parsed.setLength(0);
                parts.add(tokens(marker.get()));
                i += marker.get().length();
            } else if (control > 0) {
                hasMark = flush(parts, parsed, run, hasMark);
                parsed.append(marked, i, i + control);
                i += control;
            } else if (marked.charAt(i) == MARK && i + 1 < marked.length()) {
                hasMark = true;
                int length = Math.max(1, controlAt(marked, i + 1));
                run.append(marked, i + 1, i + 1 + length);
                i += 1 + length;
            } else {
                run.append(marked.charAt(i++));
            }
        }
        flush(parts, parsed, run, hasMark);
        parts.add(tokenizer.encode(parsed.toString(), false, true));
        return parts.stream().flatMapToInt(IntStream::of).toArray();
    }

    /** Ends a run of text; one without marks need not be encoded separately. */
    private boolean flush(
            List<int[]> parts, StringBuilder parsed, StringBuilder run, boolean hasMark) {
        if (hasMark) {
            parts.add(tokenizer.encode(parsed.toString(), false, true));
            parts.add(tokenizer.encode(run.toString(), false, false));
            parsed.setLength(0);
        } else {
            parsed.append(run);
        }
        run.setLength(0);
        return false;
    }

    /**
     * The text of an answer as a template would write it; empty where a stop string, or a character
     * that was cut, makes the text differ from the tokens.
     *
     * @param preserved control tokens whose names are part of the text
     */
    Optional<String> written(int[] tokens, Set<Integer> preserved, String produced) {
        StringBuilder marked = new StringBuilder();
        ByteArrayOutputStream run = new ByteArrayOutputStream();
        for (int token : tokens) {
            if (preserved.contains(token)) {
                marked.append(mark(run.toString(StandardCharsets.UTF_8)));
                run.reset();
                marked.append(new String(tokenizer.bytes(token, true), StandardCharsets.UTF_8));
            } else {
                run.writeBytes(tokenizer.bytes(token, false));
            }
        }
        marked.append(mark(run.toString(StandardCharsets.UTF_8)));
        return Optional.of(marked.toString()).filter(text -> unmark(text).equals(produced));
    }

    /** The length of the longest control token at an index of a text; 0 if there is none. */
    private int controlAt(String text, int at) {
        for (String control : tokenizer.controlTexts(text.charAt(at))) {
            if (text.startsWith(control, at)) {
                return control.length();
            }
        }
        return 0;
    }
}
