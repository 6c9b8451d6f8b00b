package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.bindings.llama.llama_token_data;
import io.github.bigllama.bindings.llama.llama_token_data_array;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.core.structure.GrammarException;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.llama.Shim;
import io.github.bigllama.internal.llama.TokenReferences;
import io.github.bigllama.internal.llama.Vocabulary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Chooses tokens that a grammar allows next. Checking all tokens of a large vocabulary takes longer
 * than choosing one; so the chain chooses first, and all tokens are checked only if the grammar
 * refuses that one, as in llama.cpp's {@code common_sampler_sample}.
 */
public final class GrammarSampler implements AutoCloseable {
    private static final long STRIDE = llama_token_data.sizeof();
    private static final long LOGIT = llama_token_data.logit$offset();

    private final Arena arena = Arena.ofShared();
    private final NativeHandle handle;
    private final int vocabularySize;
    private final MemorySegment all;
    private final MemorySegment candidates;

    /** Tokens that must not be chosen even if the grammar allows them. */
    private final Set<Integer> banned;

    /** Number of tokens accepted so far. */
    private int count;

    public GrammarSampler(Vocabulary vocabulary, Grammar grammar, Set<Integer> banned) {
        this.banned = banned;
        handle =
                new NativeHandle(
                        "grammar", create(vocabulary, grammar), llama_h::bigllama_grammar_free);
        vocabularySize = vocabulary.size();
        all = llama_token_data.allocateArray(vocabularySize, arena);
        candidates = llama_token_data_array.allocate(arena);
        try {
            for (int token : vocabulary.encode(grammar.prefill(), false, true)) {
                accept(token);
            }
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private static MemorySegment create(Vocabulary vocabulary, Grammar grammar) {
        List<String> problems = TokenReferences.problems(grammar.gbnf(), vocabulary);
        if (!problems.isEmpty()) {
            throw new GrammarException("cannot use the grammar: " + problems.getFirst());
        }
        return Shim.pointer(
                GrammarException::new,
                "cannot use the grammar",
                (arena, error) ->
                        llama_h.bigllama_grammar_create(
                                vocabulary.pointer(),
                                arena.allocateFrom(grammar.gbnf()),
                                grammar.triggers()
                                        .map(triggers -> arena.allocateFrom(triggers))
                                        .orElse(MemorySegment.NULL),
                                error));
    }

    /**
     * Chooses a token with a chain of samplers, and accepts it in both.
     *
     * @param index of the token of the last batch whose logits count; -1 for the last
     * @throws GrammarException if no token is allowed
     */
    int sample(MemorySegment context, int index, MemorySegment chain) {
        MemorySegment logits = logits(context, index);
        int token = choose(logits, chain, false);
        if (!allows(token)) {
            token = choose(logits, chain, true);
        }
        accept(token);
        llama_h.llama_sampler_accept(chain, token);
        return token;
    }

    @SuppressWarnings("restricted")
    private MemorySegment logits(MemorySegment context, int index) {
        return llama_h.llama_get_logits_ith(context, index)
                .reinterpret((long) vocabularySize * Float.BYTES);
    }

    private int choose(MemorySegment logits, MemorySegment chain, boolean isChecked) {
        for (int i = 0; i < vocabularySize; i++) {
            all.set(ValueLayout.JAVA_INT, i * STRIDE, i);
            all.set(
                    ValueLayout.JAVA_FLOAT,
                    i * STRIDE + LOGIT,
                    logits.getAtIndex(ValueLayout.JAVA_FLOAT, i));
        }
        use(all, vocabularySize);
        if (isChecked) {
            apply();
            requireOne();
        }
        llama_h.llama_sampler_apply(chain, candidates);
        long selected = llama_token_data_array.selected(candidates);
        return llama_token_data.id(llama_token_data.asSlice(data(), Math.max(0, selected)));
    }

    /** The candidates; samplers may have shortened or replaced the array. */
    @SuppressWarnings("restricted")
    private MemorySegment data() {
        return llama_token_data_array
                .data(candidates)
                .reinterpret(llama_token_data_array.size(candidates) * STRIDE);
    }

    /** Whether the grammar allows a token next. */
    public boolean allows(int token) {
        all.set(ValueLayout.JAVA_INT, 0, token);
        all.set(ValueLayout.JAVA_FLOAT, LOGIT, 1);
        use(all, 1);
        apply();
        return !banned.contains(token)
                && all.get(ValueLayout.JAVA_FLOAT, LOGIT) != Float.NEGATIVE_INFINITY;
    }

    /** Gives candidates that the grammar forbids the logit of minus infinity. */
    private void apply() {
        try (Arena scope = Arena.ofConfined()) {
            MemorySegment error = scope.allocate(ValueLayout.ADDRESS);
            if (llama_h.bigllama_grammar_apply(handle.pointer(), candidates, error) < 0) {
                throw stuck(Shim.reason(error));
            }
        }
    }

    /** Requires a possible candidate: without one, samplers end the process or choose any token. */
    private void requireOne() {
        for (int i = 0; i < vocabularySize; i++) {
            if (all.get(ValueLayout.JAVA_FLOAT, i * STRIDE + LOGIT) != Float.NEGATIVE_INFINITY
                    && !banned.contains(i)) {
                return;
            }
        }
        throw stuck(
                banned.isEmpty()
                        ? "the grammar allows no token of the vocabulary"
                        : "the grammar allows only tokens that a logit bias forbids");
    }

    private GrammarException stuck(String reason) {
        return new GrammarException(
                String.format(
                        Locale.ROOT,
                        "the answer can't continue after %d tokens: %s",
                        count,
                        reason));
    }

    private void use(MemorySegment data, int size) {
        llama_token_data_array.data(candidates, data);
        llama_token_data_array.size(candidates, size);
        llama_token_data_array.selected(candidates, -1);
        llama_token_data_array.sorted(candidates, false);
    }

    /**
     * Continues the text with a token.
     *
     * @throws GrammarException if the grammar does not allow it
     */
    public void accept(int token) {
        try (Arena scope = Arena.ofConfined()) {
            MemorySegment error = scope.allocate(ValueLayout.ADDRESS);
            if (llama_h.bigllama_grammar_accept(handle.pointer(), token, error)
                    .equals(MemorySegment.NULL)) {
                throw stuck(Shim.reason(error));
            }
        }
        count++;
    }

    @Override
    public void close() {
        handle.close();
        arena.close();
    }
}
