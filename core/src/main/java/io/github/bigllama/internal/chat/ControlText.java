package io.github.bigllama.internal.chat;

import io.github.bigllama.core.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Tells text that reads like a control token from the control tokens that a template writes. A
 * template makes one text of both; so the former is marked before, and encoded as plain text after
 * it.
 *
 * <p>The mark is a character of Unicode that is never one of a text; should it be in one, it is
 * there twice.
 */
public final class ControlText {
    private static final char MARK = '\uFDD0';

    /** What the mark becomes where a template writes JSON in ASCII. */
    private static final String ESCAPED_MARK = "\\ufdd0";

    private final Tokenizer tokenizer;
    private final boolean isOff;

    /**
     * For the texts of one model.
     *
     * @param isOff whether control tokens in messages are control tokens
     */
    public ControlText(Tokenizer tokenizer, boolean isOff) {
        this.tokenizer = tokenizer;
        this.isOff = isOff;
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
            if (length > 0 || text.charAt(i) == MARK || isEscapedMark(text, i)) {
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

    /** What a template has written, with its marks as such again. */
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
     * The same.
     *
     * @param positions is given where each char of the text, and its end, is in the marked one
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

    /** A whole prompt as tokens. */
    public int[] encodePrompt(String marked) {
        if (marked.indexOf(MARK) < 0) {
            return tokenizer.encode(marked);
        }
        int[] tokens = encode(marked);
        int begin = tokenizer.beginOfSequence().orElse(-1);
        return tokenizer.addsBeginOfSequence() && (tokens.length == 0 || tokens[0] != begin)
                ? IntStream.concat(IntStream.of(begin), IntStream.of(tokens)).toArray()
                : tokens;
    }

    /** A text as tokens, and no others. */
    public int[] encode(String marked) {
        if (marked.indexOf(MARK) < 0) {
            return tokenizer.encode(marked, false, true);
        }
        List<int[]> parts = new ArrayList<>();
        // What is between control tokens is encoded as a whole, as llama.cpp does it.
        StringBuilder parsed = new StringBuilder();
        StringBuilder run = new StringBuilder();
        boolean hasMark = false;
        for (int i = 0; i < marked.length(); ) {
            int control = controlAt(marked, i);
            if (control > 0) {
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

    /** A run has ended; one without marks need not be apart. */
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
     * What an answer has produced, as a template would write it; empty where a stop string, or a
     * character that was cut, makes the text differ from the tokens.
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

    /** The length of the longest control token that a text has at a place; 0 if there is none. */
    private int controlAt(String text, int at) {
        for (String control : tokenizer.controlTexts(text.charAt(at))) {
            if (text.startsWith(control, at)) {
                return control.length();
            }
        }
        return 0;
    }
}
