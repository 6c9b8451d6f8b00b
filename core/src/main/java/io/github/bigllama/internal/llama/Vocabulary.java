package io.github.bigllama.internal.llama;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.internal.text.Text;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/** A {@code llama_vocab}, which lives as long as its model. Thread-safe. */
public final class Vocabulary {
    private final NativeHandle model;
    private final MemorySegment pointer;
    private final int size;
    private final boolean hasText;

    /** The vocabulary of a {@code llama_model}. */
    public Vocabulary(NativeHandle model) {
        this.model = model;
        this.pointer = model.borrow(llama_h.llama_model_get_vocab(model.pointer()));
        this.size = llama_h.llama_vocab_n_tokens(pointer);
        this.hasText = llama_h.llama_vocab_type(pointer) != llama_h.LLAMA_VOCAB_TYPE_NONE();
    }

    /** Number of tokens. */
    public int size() {
        return size;
    }

    /**
     * The {@code llama_vocab}.
     *
     * @throws IllegalStateException if the model is closed, or has no vocabulary, in which case
     *     llama.cpp would end the process
     */
    public MemorySegment pointer() {
        model.pointer();
        if (!hasText) {
            throw new IllegalStateException(
                    "the model has no vocabulary, so it can't convert text; use token ids");
        }
        return pointer;
    }

    /** llama.cpp indexes its tables with the id unchecked. */
    public void requireToken(int token) {
        if (token < 0 || token >= size) {
            throw new IllegalArgumentException(
                    "token " + token + " is not in the vocabulary of " + size + " tokens");
        }
    }

    /**
     * Encodes text.
     *
     * @param addSpecial whether to add the tokens that the model wants at the beginning and the end
     * @param parseSpecial whether control tokens in the text are control tokens, not plain text
     * @throws IllegalArgumentException if the vocabulary has no token for a part of the text, or
     *     half of a surrogate pair is in it
     */
    public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
        Text.requireWhole("the text", text);
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment in = arena.allocate(Math.max(bytes.length, 1));
            in.copyFrom(MemorySegment.ofArray(bytes));
            // No tokenizer makes more tokens than bytes, except for the special ones that it adds.
            int capacity = bytes.length + 2;
            MemorySegment error = arena.allocate(ValueLayout.ADDRESS);
            while (true) {
                MemorySegment out = arena.allocate(ValueLayout.JAVA_INT, capacity);
                int n =
                        llama_h.bigllama_tokenize(
                                pointer(),
                                in,
                                bytes.length,
                                out,
                                capacity,
                                addSpecial,
                                parseSpecial,
                                error);
                if (n >= 0) {
                    return known(out.asSlice(0, 4L * n).toArray(ValueLayout.JAVA_INT));
                }
                if (!error.get(ValueLayout.ADDRESS, 0).equals(MemorySegment.NULL)) {
                    throw incomplete(Shim.reason(error));
                }
                if (n == Integer.MIN_VALUE) {
                    throw new IllegalArgumentException(
                            "text of " + bytes.length + " bytes has more than 2^31 - 1 tokens");
                }
                capacity = -n;
            }
        }
    }

    private static int[] known(int[] tokens) {
        for (int token : tokens) {
            if (token < 0) {
                throw incomplete("a token that does not exist");
            }
        }
        return tokens;
    }

    private static IllegalArgumentException incomplete(String reason) {
        return new IllegalArgumentException(
                "the model's vocabulary has no token for a part of the text, not even for its "
                        + "single bytes (llama.cpp: "
                        + reason
                        + ")");
    }

    /**
     * The bytes of one token: part of a UTF-8 text, not always whole characters.
     *
     * @param special whether a control token becomes its name instead of nothing
     */
    public byte[] bytes(int token, boolean special) {
        requireToken(token);
        try (Arena arena = Arena.ofConfined()) {
            int capacity = 64;
            while (true) {
                MemorySegment out = arena.allocate(capacity);
                int n = llama_h.llama_token_to_piece(pointer(), token, out, capacity, 0, special);
                if (n >= 0) {
                    return out.asSlice(0, n).toArray(ValueLayout.JAVA_BYTE);
                }
                capacity = -n;
            }
        }
    }
}
