package io.github.bigllama.internal.chat;

import io.github.bigllama.core.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * A conversation as text, and the tokens that it became. What a model has said must stay the tokens
 * that it chose, even where the tokenizer would choose others for the same text: only those are in
 * the KV cache.
 */
public final class Transcript {
    /** So much of the end of a text is hardly found anywhere else. */
    private static final int TAIL = 64;

    private final ControlText control;
    private final Tokenizer tokenizer;

    /** With the marks of {@link ControlText}. */
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

    /** Replaces it. */
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
     * A prompt as tokens: those of this transcript as far as the prompt repeats it from the
     * beginning, or repeats it but for a part in the middle.
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
            // There the tokenizer begins anew.
            if (ends[i] > 0 && ends[i] <= prefix && tokenizer.isControl(tokens[i])) {
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

    /** The tokens of a prompt with the end of this text in it; none if it is not so. */
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
        // Both parts must begin and end with whole tokens.
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

    /** Where in the text each token ends; -1 where that can't be told, or is within a character. */
    private int[] ends() {
        int[] ends = new int[tokens.length];
        Arrays.fill(ends, -1);
        int[] inMarked = new int[text.length() + 1];
        String plain = control.unmark(text, inMarked);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        int[] positions = new int[tokens.length];
        for (int i = 0; i < tokens.length; i++) {
            // The first may be one that the template did not write.
            boolean isAdded =
                    i == 0
                            && tokenizer.addsBeginOfSequence()
                            && !plain.startsWith(tokenizer.decode(new int[] {tokens[0]}, true));
            if (!isAdded) {
                bytes.writeBytes(tokenizer.bytes(tokens[i], true));
            }
            positions[i] = bytes.size();
        }
        byte[] all = bytes.toByteArray();
        if (!new String(all, StandardCharsets.UTF_8).equals(plain)) {
            return ends;
        }
        int at = 0;
        int chars = 0;
        for (int i = 0; i < tokens.length; i++) {
            while (at < positions[i]) {
                chars += chars(all[at++]);
            }
            if (at == all.length || !isContinuation(all[at])) {
                ends[i] = inMarked[chars];
            }
        }
        return ends;
    }

    /** Chars that a byte of UTF-8 begins: a character counts at its first byte. */
    private static int chars(byte b) {
        return isContinuation(b) ? 0 : (b & 0xff) >= 0xf0 ? 2 : 1;
    }

    private static boolean isContinuation(byte b) {
        return (b & 0xc0) == 0x80;
    }

    private static int[] concat(int[] first, int[] second) {
        return IntStream.concat(IntStream.of(first), IntStream.of(second)).toArray();
    }
}
