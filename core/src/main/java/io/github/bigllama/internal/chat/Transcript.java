package io.github.bigllama.internal.chat;

import io.github.bigllama.core.Tokenizer;
import io.github.bigllama.internal.media.MediaPiece;
import io.github.bigllama.internal.text.Utf8Decoder;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * A conversation as text and as tokens. The model's own text must stay the tokens that the model
 * chose, even where the tokenizer would choose others for it: only those are in the KV cache.
 */
public final class Transcript {
    /** Chars at the end of a text that are unlikely to be found anywhere else. */
    private static final int TAIL = 64;

    private final ControlText control;
    private final Tokenizer tokenizer;

    /** Has the marks of {@link ControlText}. */
    private String text = "";

    private int[] tokens = {};

    public Transcript(ControlText control) {
        this.control = control;
        this.tokenizer = control.tokenizer();
    }

    public String text() {
        return text;
    }

    public int[] tokens() {
        return tokens.clone();
    }

    /** Replaces the text and its tokens. */
    public void set(String newText, int[] newTokens) {
        text = newText;
        tokens = newTokens.clone();
    }

    /**
     * What a model has said after it, as the tokens that it chose; left out where they differ from
     * the text.
     *
     * @param preserved control tokens whose names are part of the text
     */
    public void append(int[] said, Set<Integer> preserved, String produced) {
        control.written(said, preserved, produced)
                .ifPresent(marked -> set(text + marked, concat(tokens, said)));
    }

    public void clear() {
        set("", new int[0]);
    }

    /**
     * Encodes a prompt, with the tokens of this transcript as far as the prompt repeats it from the
     * beginning, or repeats it except for a part in the middle.
     */
    public int[] encode(String prompt) {
        if (text.isEmpty()) {
            return control.encodePrompt(prompt);
        }
        if (prompt.startsWith(text)) {
            return concat(tokens, rest(prompt, text.length()));
        }
        int[] ends = ends();
        int prefix = commonPrefix(prompt);
        int[] shortened = withoutMiddle(prompt, prefix, ends);
        if (shortened.length > 0) {
            return shortened;
        }
        for (int i = tokens.length - 1; i >= 0; i--) {
            // The tokenizer begins anew there.
            boolean isEnd = MediaPiece.isMedia(tokens[i]) || tokenizer.isControl(tokens[i]);
            if (ends[i] > 0 && ends[i] <= prefix && isEnd) {
                return concat(Arrays.copyOf(tokens, i + 1), rest(prompt, ends[i]));
            }
        }
        return control.encodePrompt(prompt);
    }

    private int[] rest(String prompt, int from) {
        return control.encode(prompt.substring(from));
    }

    private int commonPrefix(String prompt) {
        int length = Math.min(prompt.length(), text.length());
        int i = 0;
        while (i < length && prompt.charAt(i) == text.charAt(i)) {
            i++;
        }
        return i;
    }

    /** The tokens of a prompt that contains the end of this text; none if it does not. */
    private int[] withoutMiddle(String prompt, int prefix, int[] ends) {
        String tail = text.substring(Math.max(0, text.length() - TAIL));
        int start = prompt.lastIndexOf(tail);
        if (start < 0) {
            return new int[0];
        }
        int end = start + tail.length();
        int shift = text.length() - end;
        while (start > 0 && prompt.charAt(start - 1) == text.charAt(start - 1 + shift)) {
            start--;
        }
        // Both parts must begin and end at the boundary of a token.
        for (int i = 0; i < tokens.length && ends[i] <= prefix; i++) {
            if (ends[i] >= start) {
                int second = lastIndexOf(ends, ends[i] + shift);
                if (second >= 0) {
                    int[] kept =
                            concat(
                                    Arrays.copyOf(tokens, i + 1),
                                    Arrays.copyOfRange(tokens, second + 1, tokens.length));
                    return concat(kept, rest(prompt, end));
                }
            }
        }
        return new int[0];
    }

    private static int lastIndexOf(int[] values, int value) {
        int i = values.length - 1;
        while (i >= 0 && values[i] != value) {
            i--;
        }
        return i;
    }

    /**
     * The index in the text where each token ends; -1 where it is unknown, or within a character.
     */
    private int[] ends() {
        int[] ends = new int[tokens.length];
        Arrays.fill(ends, -1);
        int from = 0;
        int first = 0;
        while (first < tokens.length) {
            int to = ControlText.nextMarker(text, from);
            if (to == text.length()) {
                findEnds(from, to, first, tokens.length, ends);
                return ends;
            }
            String marker = ControlText.markerAt(text, to).orElseThrow();
            int[] run = control.tokens(marker);
            int begin = first + mediaAt(tokens, first) - mediaAt(run, 0);
            if (begin < first || begin + run.length > tokens.length) {
                return ends;
            }
            findEnds(from, to, first, begin, ends);
            from = to + marker.length();
            first = begin + run.length;
            ends[first - 1] = from;
        }
        return ends;
    }

    /** How many tokens from an index on are of the vocabulary. */
    private static int mediaAt(int[] tokens, int from) {
        return MediaPiece.textRun(tokens, from, tokens.length - from);
    }

    /** Finds the ends of the tokens of a part of the text. */
    private void findEnds(int from, int to, int first, int next, int[] ends) {
        int[] inMarked = new int[to - from + 1];
        String plain = control.unmark(text.substring(from, to), inMarked);
        StringBuilder decoded = new StringBuilder();
        Utf8Decoder utf8 = new Utf8Decoder();
        int[] lengths = new int[tokens.length];
        for (int i = first; i < next; i++) {
            // The template may not have written the first token.
            boolean isAdded =
                    i == 0
                            && tokenizer.addsBeginOfSequence()
                            && !plain.startsWith(tokenizer.decode(new int[] {tokens[0]}, true));
            if (!isAdded) {
                decoded.append(utf8.decode(tokenizer.bytes(tokens[i], true)));
            }
            boolean isWhole = i == next - 1 || !utf8.isInCharacter();
            decoded.append(i == next - 1 ? utf8.flush() : "");
            lengths[i] = isWhole ? decoded.length() : -1;
        }
        if (!decoded.toString().equals(plain)) {
            return;
        }
        for (int i = first; i < next; i++) {
            ends[i] = lengths[i] < 0 ? -1 : from + inMarked[lengths[i]];
        }
    }

    private static int[] concat(int[] first, int[] second) {
        return IntStream.concat(IntStream.of(first), IntStream.of(second)).toArray();
    }
}
