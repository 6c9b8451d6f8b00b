package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.bindings.llama.llama_token_data;
import io.github.bigllama.bindings.llama.llama_token_data_array;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.core.structure.GrammarException;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.llama.Shim;
import io.github.bigllama.internal.llama.Vocabulary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Set;

/**
 * Chooses tokens that go on in a text of a grammar. Checking a token of a large vocabulary against
 * a grammar takes longer than choosing one; so the chain chooses first, and only where the grammar
 * refuses that token all are checked, as llama.cpp's {@code common_sampler_sample} does it.
 */
public final class GrammarSampler implements AutoCloseable {
    private static final long STRIDE = llama_token_data.sizeof();
    private static final long LOGIT = llama_token_data.logit$offset();

    private final Arena arena = Arena.ofShared();
    private final NativeHandle handle;
    private final int vocabularySize;
    private final MemorySegment all;
    private final MemorySegment candidates;

    /** Tokens that may not be chosen, whatever the grammar says. */
    private final Set<Integer> banned;

    /** Tokens that were accepted so far. */
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
     * Chooses a token by a chain of samplers, and remembers it in both.
     *
     * @param index of the token of the last batch whose logits count; -1 for the last
     * @throws GrammarException if none can follow
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

    /** Samplers may have made the array shorter, and put another in its place. */
    @SuppressWarnings("restricted")
    private MemorySegment data() {
        return llama_token_data_array
                .data(candidates)
                .reinterpret(llama_token_data_array.size(candidates) * STRIDE);
    }

    /** Whether a token can follow. */
    public boolean allows(int token) {
        all.set(ValueLayout.JAVA_INT, 0, token);
        all.set(ValueLayout.JAVA_FLOAT, LOGIT, 1);
        use(all, 1);
        apply();
        return !banned.contains(token)
                && all.get(ValueLayout.JAVA_FLOAT, LOGIT) != Float.NEGATIVE_INFINITY;
    }

    /** Gives candidates that can't follow an impossible logit. */
    private void apply() {
        try (Arena scope = Arena.ofConfined()) {
            MemorySegment error = scope.allocate(ValueLayout.ADDRESS);
            if (llama_h.bigllama_grammar_apply(handle.pointer(), candidates, error) < 0) {
                throw stuck(Shim.reason(error));
            }
        }
    }

    /** Samplers end the process, or choose anything, where all candidates are impossible. */
    private void requireOne() {
        for (int i = 0; i < vocabularySize; i++) {
            if (all.get(ValueLayout.JAVA_FLOAT, i * STRIDE + LOGIT) != Float.NEGATIVE_INFINITY
                    && !banned.contains(i)) {
                return;
            }
        }
        throw stuck(
                banned.isEmpty()
                        ? "no token of the vocabulary can follow"
                        : "no token can follow but those that a logit bias forbids");
    }

    private GrammarException stuck(String reason) {
        return new GrammarException(
                "the grammar can't go on after %d tokens of the answer: %s"
                        .formatted(count, reason));
    }

    private void use(MemorySegment data, int size) {
        llama_token_data_array.data(candidates, data);
        llama_token_data_array.size(candidates, size);
        llama_token_data_array.selected(candidates, -1);
        llama_token_data_array.sorted(candidates, false);
    }

    /**
     * The text goes on with a token.
     *
     * @throws GrammarException if it can't
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
