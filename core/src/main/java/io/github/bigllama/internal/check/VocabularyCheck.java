package io.github.bigllama.internal.check;

import io.github.bigllama.core.gguf.GgufArray;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.internal.text.Text;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/** Checks the vocabulary: llama_vocab::impl::load and tokenize in llama-vocab.cpp. */
final class VocabularyCheck {
    private static final String PREFIX = "tokenizer.ggml.";

    /** The pre-tokenizers of BPE vocabularies for which load sets add_bos. */
    private static final Set<String> STARTS_WITH_BOS =
            Set.of(
                    "llama3",
                    "llama-v3",
                    "llama-bpe",
                    "falcon3",
                    "falcon-h1",
                    "pixtral",
                    "midm-2.0",
                    "lfm2",
                    "jina-v5-nano",
                    "tekken",
                    "chameleon",
                    "gemma4");

    private static final int NONE = -1;

    /** LLAMA_TOKEN_TYPE_BYTE in llama.h. */
    private static final int BYTE = 6;

    private static final int BYTES = 256;

    private final Hyperparameters values;

    VocabularyCheck(Hyperparameters values) {
        this.values = values;
    }

    void check() {
        String model = values.text(PREFIX + "model").orElse("");
        if (model.equals("no_vocab") || model.equals("none")) {
            // tokenize, token_to_piece and others: GGML_ASSERT(type != LLAMA_VOCAB_TYPE_NONE)
            throw values.refuse("has no vocabulary, so text cannot be tokenized");
        }
        if (values.text(PREFIX + "pre").orElse("").equals("whitespace")
                && !model.equals("whitespace")) {
            // find_bpe_rank: GGML_ASSERT on a space, which that pre-tokenizer does not split at.
            throw values.refuse(
                    "pre-tokenizer 'whitespace' needs tokenizer model 'whitespace', but this one "
                            + "is "
                            + Text.quote(model));
        }
        GgufArray tokens = values.array(PREFIX + "tokens", GgufValueType.STRING).orElse(null);
        if (tokens != null) {
            distinct(tokens);
            if (model.equals("bert")) {
                noBytes();
            } else if (model.equals("rwkv")) {
                beginnings(tokens);
            }
            specialTokens(model, tokens.size());
        }
    }

    /** GGML_ASSERT(id_to_token.size() == token_to_id.size()): no two tokens are the same. */
    private void distinct(GgufArray tokens) {
        Map<ByteBuffer, Integer> seen = HashMap.newHashMap(tokens.size());
        for (int i = 0; i < tokens.size(); i++) {
            Integer other = seen.putIfAbsent(ByteBuffer.wrap(token(tokens, i)), i);
            if (other != null) {
                throw values.refuse(
                        String.format(
                                Locale.ROOT,
                                "tokens %d and %d of the vocabulary are the same, %s",
                                other,
                                i,
                                Text.quote(tokens.string(i))));
            }
        }
    }

    /** token_to_byte: GGML_ABORT for a byte token in a WordPiece vocabulary. */
    private void noBytes() {
        GgufArray types = values.array(PREFIX + "token_type", GgufValueType.INT32).orElse(null);
        for (int i = 0; types != null && i < types.size(); i++) {
            if (types.integer(i) == BYTE) {
                throw values.refuse(
                        String.format(
                                Locale.ROOT,
                                "token %d is a byte, which a vocabulary of type bert cannot have",
                                i));
            }
        }
    }

    /**
     * llm_tokenizer_rwkv_session::tokenize never ends at a byte that begins a token and is none
     * itself.
     */
    private void beginnings(GgufArray tokens) {
        BitSet single = new BitSet(BYTES);
        BitSet first = new BitSet(BYTES);
        for (int i = 0; i < tokens.size(); i++) {
            byte[] token = RwkvToken.bytes(token(tokens, i));
            if (token.length > 0) {
                first.set(token[0] & 0xff);
            }
            if (token.length == 1) {
                single.set(token[0] & 0xff);
            }
        }
        first.andNot(single);
        if (!first.isEmpty()) {
            throw values.refuse(
                    String.format(
                            Locale.ROOT,
                            "the vocabulary of type rwkv has tokens that begin with byte 0x%02X, but no token for that byte",
                            first.nextSetBit(0)));
        }
    }

    /** A token as load stores it: up to the first NUL, and never empty. */
    private static byte[] token(GgufArray tokens, int id) {
        byte[] token = tokens.bytes(id);
        int length = 0;
        while (length < token.length && token[length] != 0) {
            length++;
        }
        return length == 0
                ? ("[EMPTY_" + id + "]").getBytes(StandardCharsets.US_ASCII)
                : Arrays.copyOf(token, length);
    }

    /** tokenize: GGML_ASSERT(special_bos_id != LLAMA_TOKEN_NULL) and the same for eos and sep. */
    private void specialTokens(String model, int size) {
        boolean bert = model.equals("bert");
        boolean bpe = Set.of("gpt2", "hybriddna", "whitespace", "gemma4").contains(model);
        boolean gemma4 = model.equals("gemma4");
        String pre = gemma4 ? model : values.text(PREFIX + "pre").orElse("");
        boolean spm = model.equals("llama");
        boolean ugm = model.equals("t5");
        if (!bert && !bpe && !spm && !ugm) {
            return;
        }
        boolean addBos =
                values.bool(PREFIX + "add_bos_token")
                        .orElse(bert || spm || bpe && STARTS_WITH_BOS.contains(pre));
        if (addBos || bert || gemma4 || bpe && pre.equals("gemma4")) {
            int standard = bert ? 101 : spm ? 1 : gemma4 || ugm ? NONE : 11;
            special("bos_token_id", standard, size);
        }
        boolean addEos = values.bool(PREFIX + "add_eos_token").orElse(ugm);
        if (addEos && !bert) {
            special("eos_token_id", spm ? 2 : ugm ? 1 : gemma4 ? NONE : 11, size);
        }
        if (bert) {
            special("seperator_token_id", 102, size);
        }
    }

    /** An id beyond the vocabulary, in the file or the default, counts as missing. */
    private void special(String name, int standard, int size) {
        OptionalLong id = values.u32(PREFIX + name);
        boolean there =
                id.isPresent() && id.getAsLong() < size || standard != NONE && standard < size;
        if (!there) {
            throw values.refuse(
                    String.format(
                            Locale.ROOT,
                            "%s%s is %s, which is not one of the %d tokens, but each text has to have it",
                            PREFIX,
                            name,
                            id.isPresent() ? "" + id.getAsLong() : "missing",
                            size));
        }
    }
}
