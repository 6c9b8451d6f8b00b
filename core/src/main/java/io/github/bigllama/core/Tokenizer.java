package io.github.bigllama.core;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.internal.llama.Vocabulary;
import io.github.bigllama.internal.text.Utf8Decoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;

/**
 * Text to token ids and back, with the vocabulary of one model. Thread-safe; usable until the model
 * is closed.
 */
public final class Tokenizer {
    private final Vocabulary vocabulary;

    /** By their first char; collected when first asked for. */
    private volatile Map<Character, List<String>> controlTexts;

    Tokenizer(Vocabulary vocabulary) {
        this.vocabulary = vocabulary;
    }

    /** Number of tokens; ids are 0 to size − 1. */
    public int size() {
        return vocabulary.size();
    }

    /**
     * Encodes a prompt: adds the beginning-of-sequence token if the model wants one, and recognizes
     * control tokens such as {@code <|im_end|>}.
     *
     * @throws IllegalArgumentException if half of a surrogate pair is in it, which is no character;
     *     so do all methods that take a text
     */
    public int[] encode(String text) {
        int[] tokens = encode(text, true, true);
        int from = 0;
        int to = tokens.length;
        // The template has already written the beginning-of-sequence token as text.
        if (to > 1 && isBegin(tokens[0]) && isBegin(tokens[1]) && addsBeginOfSequence()) {
            from++;
        }
        // No model continues after an end-of-sequence token.
        if (to > from
                && llama_h.llama_vocab_get_add_eos(vocabulary.pointer())
                && tokens[to - 1] == endOfSequence().orElse(-1)) {
            to--;
        }
        return Arrays.copyOfRange(tokens, from, to);
    }

    private boolean isBegin(int token) {
        return token == beginOfSequence().orElse(-1);
    }

    /**
     * The texts that {@link #encode(String)} recognizes as control tokens, the longest first.
     *
     * @param first the char that the texts begin with
     */
    public List<String> controlTexts(char first) {
        if (controlTexts == null) {
            controlTexts = findControlTexts();
        }
        return controlTexts.getOrDefault(first, List.of());
    }

    private Map<Character, List<String>> findControlTexts() {
        Map<Character, List<String>> found = new HashMap<>();
        int wanted = llama_h.LLAMA_TOKEN_ATTR_CONTROL() | llama_h.LLAMA_TOKEN_ATTR_UNKNOWN();
        for (int token = 0; token < size(); token++) {
            if ((llama_h.llama_vocab_get_attr(vocabulary.pointer(), token) & wanted) != 0) {
                String text = new String(bytes(token, true), StandardCharsets.UTF_8);
                if (!text.isEmpty()) {
                    found.computeIfAbsent(text.charAt(0), key -> new ArrayList<>()).add(text);
                }
            }
        }
        found.values().forEach(list -> list.sort(Comparator.comparing(String::length).reversed()));
        return found;
    }

    /**
     * Encodes text.
     *
     * @param addSpecial whether to add the tokens that the model wants at the beginning and the end
     * @param parseSpecial whether control tokens in the text are control tokens, not plain text
     */
    public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
        return vocabulary.encode(Objects.requireNonNull(text, "text"), addSpecial, parseSpecial);
    }

    /**
     * Encodes a text with a gap, as the prompt of an answer that fills the gap. The names of
     * control tokens in it are plain text.
     *
     * @throws IllegalArgumentException if the vocabulary has no tokens for this: the model was not
     *     trained to fill gaps
     */
    public int[] encode(Infill infill) {
        return new InfillEncoder(vocabulary).encode(Objects.requireNonNull(infill, "infill"));
    }

    /** Decodes tokens as plain text; control tokens become nothing. */
    public String decode(int... tokens) {
        return decode(tokens, false);
    }

    /**
     * Decodes tokens. Bytes that are not UTF-8 become U+FFFD.
     *
     * @param special whether the names of control tokens appear in the text
     */
    public String decode(int[] tokens, boolean special) {
        Objects.requireNonNull(tokens, "tokens");
        Utf8Decoder decoder = new Utf8Decoder();
        StringBuilder text = new StringBuilder();
        for (int token : tokens) {
            text.append(decoder.decode(bytes(token, special)));
        }
        return text.append(decoder.flush()).toString();
    }

    /**
     * The bytes of one token: part of a UTF-8 text, not always whole characters.
     *
     * @param special whether a control token becomes its name instead of nothing
     */
    public byte[] bytes(int token, boolean special) {
        return vocabulary.bytes(token, special);
    }

    /** Whether the model ends its answer with this token. */
    public boolean isEndOfGeneration(int token) {
        vocabulary.requireToken(token);
        return llama_h.llama_vocab_is_eog(vocabulary.pointer(), token);
    }

    /** Whether this is a control token, which stands for no text. */
    public boolean isControl(int token) {
        vocabulary.requireToken(token);
        return llama_h.llama_vocab_is_control(vocabulary.pointer(), token);
    }

    /** The token at the beginning of a sequence, if the vocabulary has one. */
    public OptionalInt beginOfSequence() {
        return optional(llama_h.llama_vocab_bos(vocabulary.pointer()));
    }

    /** Whether the model wants {@link #beginOfSequence} before a text. */
    public boolean addsBeginOfSequence() {
        return llama_h.llama_vocab_get_add_bos(vocabulary.pointer());
    }

    /** The token at the end of a sequence, if the vocabulary has one. */
    public OptionalInt endOfSequence() {
        return optional(llama_h.llama_vocab_eos(vocabulary.pointer()));
    }

    /** The token at the end of a turn of a chat, if the vocabulary has one. */
    public OptionalInt endOfTurn() {
        return optional(llama_h.llama_vocab_eot(vocabulary.pointer()));
    }

    private static OptionalInt optional(int token) {
        return token == llama_h.LLAMA_TOKEN_NULL() ? OptionalInt.empty() : OptionalInt.of(token);
    }
}
