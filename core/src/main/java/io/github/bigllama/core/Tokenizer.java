package io.github.bigllama.core;

import io.github.bigllama.bindings.llama.llama_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;

/**
 * Text to token ids and back, with the vocabulary of one model. Thread-safe; usable until the model
 * is closed.
 */
public final class Tokenizer {
    private final NativeHandle model;
    private final MemorySegment vocab;
    private final int size;
    private final boolean hasVocabulary;

    Tokenizer(NativeHandle model) {
        this.model = model;
        this.vocab = model.borrow(llama_h.llama_model_get_vocab(model.pointer()));
        this.size = llama_h.llama_vocab_n_tokens(vocab);
        this.hasVocabulary = llama_h.llama_vocab_type(vocab) != llama_h.LLAMA_VOCAB_TYPE_NONE();
    }

    /** Number of tokens; ids are 0 to size − 1. */
    public int size() {
        return size;
    }

    /**
     * Encodes a prompt: adds the beginning-of-sequence token if the model wants one, and recognizes
     * control tokens such as {@code <|im_end|>}.
     */
    public int[] encode(String text) {
        return encode(text, true, true);
    }

    /**
     * Encodes text.
     *
     * @param addSpecial whether to add the tokens that the model wants at the beginning and end
     * @param parseSpecial whether control tokens in the text are control tokens, not plain text
     */
    public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment in = arena.allocate(Math.max(bytes.length, 1));
            in.copyFrom(MemorySegment.ofArray(bytes));
            // No tokenizer makes more tokens than bytes, but for what it adds itself.
            int capacity = bytes.length + 2;
            while (true) {
                MemorySegment out = arena.allocate(ValueLayout.JAVA_INT, capacity);
                int n =
                        llama_h.llama_tokenize(
                                vocab(), in, bytes.length, out, capacity, addSpecial, parseSpecial);
                if (n >= 0) {
                    return out.asSlice(0, 4L * n).toArray(ValueLayout.JAVA_INT);
                }
                if (n == Integer.MIN_VALUE) {
                    throw new IllegalArgumentException(
                            "text of "
                                    + bytes.length
                                    + " bytes has more tokens than an int counts");
                }
                capacity = -n;
            }
        }
    }

    /** Decodes tokens as plain text; control tokens give nothing. */
    public String decode(int... tokens) {
        return decode(tokens, false);
    }

    /**
     * Decodes tokens. Bytes that are no UTF-8 become U+FFFD.
     *
     * @param special whether control tokens appear in the text
     */
    public String decode(int[] tokens, boolean special) {
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
     * @param special whether a control token gives its name instead of nothing
     */
    public byte[] bytes(int token, boolean special) {
        requireToken(token);
        try (Arena arena = Arena.ofConfined()) {
            int capacity = 64;
            while (true) {
                MemorySegment out = arena.allocate(capacity);
                int n = llama_h.llama_token_to_piece(vocab(), token, out, capacity, 0, special);
                if (n >= 0) {
                    return out.asSlice(0, n).toArray(ValueLayout.JAVA_BYTE);
                }
                capacity = -n;
            }
        }
    }

    /** Whether the model says with this token that it has finished. */
    public boolean isEndOfGeneration(int token) {
        requireToken(token);
        return llama_h.llama_vocab_is_eog(vocab(), token);
    }

    /** Whether this is a control token, which stands for no text. */
    public boolean isControl(int token) {
        requireToken(token);
        return llama_h.llama_vocab_is_control(vocab(), token);
    }

    /** The token at the beginning of a sequence, if the vocabulary has one. */
    public OptionalInt beginOfSequence() {
        return optional(llama_h.llama_vocab_bos(vocab()));
    }

    /** Whether the model wants the token of {@link #beginOfSequence} before a text. */
    public boolean addsBeginOfSequence() {
        return llama_h.llama_vocab_get_add_bos(vocab());
    }

    /** The token at the end of a sequence, if the vocabulary has one. */
    public OptionalInt endOfSequence() {
        return optional(llama_h.llama_vocab_eos(vocab()));
    }

    /** The token at the end of a turn of a chat, if the vocabulary has one. */
    public OptionalInt endOfTurn() {
        return optional(llama_h.llama_vocab_eot(vocab()));
    }

    /**
     * {@code llama_vocab}; fails once the model is closed, and for a model without a vocabulary, on
     * which llama.cpp would end the process.
     */
    MemorySegment vocab() {
        model.pointer();
        if (!hasVocabulary) {
            throw new IllegalStateException(
                    "the model has no vocabulary, so it has no text; use token ids");
        }
        return vocab;
    }

    /** llama.cpp indexes its tables with the id it is given. */
    void requireToken(int token) {
        if (token < 0 || token >= size) {
            throw new IllegalArgumentException(
                    "token " + token + " is not in the vocabulary of " + size + " tokens");
        }
    }

    private static OptionalInt optional(int token) {
        return token == llama_h.LLAMA_TOKEN_NULL() ? OptionalInt.empty() : OptionalInt.of(token);
    }
}
