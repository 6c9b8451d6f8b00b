package io.github.bigllama.internal.check;

import io.github.bigllama.core.gguf.GgufArray;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.core.gguf.ModelFiles;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which texts a SentencePiece vocabulary can tokenize. A character that is not a token is cut into
 * bytes; if such a byte is not a token either, llm_tokenizer_spm_session::resegment throws through
 * llama_tokenize, which ends the process. Vocabularies without byte fallback are rare but valid, so
 * each text is checked, not the model once.
 */
public final class ByteFallback {
    private static final int BYTES = 256;

    /** LLAMA_TOKEN_TYPE_UNKNOWN, _CONTROL and _USER_DEFINED in llama.h. */
    private static final int UNKNOWN = 2;

    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;

    /** The character that llama_escape_whitespace replaces a space with. */
    private static final int SPACE = 0x2581;

    private final BitSet bytes;
    private final BitSet characters;
    private final List<String> control;
    private final List<String> userDefined;

    private ByteFallback(
            BitSet bytes, BitSet characters, List<String> control, List<String> userDefined) {
        this.bytes = bytes;
        this.characters = characters;
        this.control = control;
        this.userDefined = userDefined;
    }

    /** The byte fallback of a model; complete for tokenizers that need no bytes. */
    public static ByteFallback of(ModelFiles files) {
        return of(files, Map.of());
    }

    /**
     * The byte fallback of a model with metadata overrides.
     *
     * @param overrides as for {@link ModelCheck#check(ModelFiles, Map)}
     */
    public static ByteFallback of(ModelFiles files, Map<String, ?> overrides) {
        Hyperparameters values = Hyperparameters.of(files, overrides);
        BitSet bytes = new BitSet(BYTES);
        BitSet characters = new BitSet();
        List<String> control = new ArrayList<>();
        List<String> userDefined = new ArrayList<>();
        GgufArray tokens = values.array("tokenizer.ggml.tokens", GgufValueType.STRING).orElse(null);
        if (tokens == null || !values.text("tokenizer.ggml.model").orElse("").equals("llama")) {
            bytes.set(0, BYTES);
            return new ByteFallback(bytes, characters, control, userDefined);
        }
        GgufArray types =
                values.array("tokenizer.ggml.token_type", GgufValueType.INT32).orElse(null);
        for (int id = 0; id < tokens.size(); id++) {
            byte[] raw = tokens.bytes(id);
            if (raw.length == 1 && raw[0] != 0) {
                bytes.set(raw[0] & 0xFF);
            }
            String token = tokens.string(id);
            if (token.matches("<0x[0-9A-F]{2}>")) {
                bytes.set(Integer.parseInt(token, 3, 5, 16));
            }
            if (token.codePointCount(0, token.length()) == 1 && token.codePointAt(0) != 0) {
                characters.set(token.codePointAt(0));
            }
            int type = types == null || types.size() <= id ? 0 : (int) types.integer(id);
            if (type == USER_DEFINED) {
                userDefined.add(token);
            } else if (type == CONTROL || type == UNKNOWN) {
                control.add(token);
            }
        }
        control.sort(Comparator.comparingInt(String::length).reversed());
        userDefined.sort(Comparator.comparingInt(String::length).reversed());
        return new ByteFallback(bytes, characters, control, userDefined);
    }

    /** Whether every text can be tokenized, so that texts need not be checked. */
    public boolean isComplete() {
        return bytes.cardinality() == BYTES;
    }

    /**
     * Finds the first character of a text that would end the process.
     *
     * @param text the text
     * @param parseSpecial whether control tokens in the text are parsed as such, as in
     *     llama_tokenize
     * @return the character, or empty if the text can be tokenized
     */
    public Optional<String> findImpossible(String text, boolean parseSpecial) {
        if (isComplete()) {
            return Optional.empty();
        }
        String rest = without(text, userDefined);
        if (parseSpecial) {
            rest = without(rest, control);
        }
        // A space is put before texts, and also stands for special tokens here.
        return (" " + rest)
                .codePoints()
                .filter(c -> !isPossible(c == ' ' ? SPACE : c))
                .mapToObj(Character::toString)
                .findFirst();
    }

    private static String without(String text, List<String> tokens) {
        String rest = text;
        for (String token : tokens) {
            rest = token.isEmpty() ? rest : rest.replace(token, " ");
        }
        return rest;
    }

    private boolean isPossible(int character) {
        if (characters.get(character)) {
            return true;
        }
        for (byte b : Character.toString(character).getBytes(StandardCharsets.UTF_8)) {
            if (!bytes.get(b & 0xFF)) {
                return false;
            }
        }
        return true;
    }
}
