package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_h;
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
import java.util.OptionalInt;
import java.util.Set;

/**
 * Chooses tokens that a grammar allows next. Checking all tokens of a large vocabulary takes longer
 * than choosing one; so the chain chooses first, and all tokens are checked only if the grammar
 * refuses that one, as in llama.cpp's {@code common_sampler_sample}.
 */
public final class GrammarSampler implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final NativeHandle handle;
    private final int vocabularySize;
    private final Candidates candidates;

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
        candidates = new Candidates(vocabularySize, arena);
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
     * Chooses a token with a chain of samplers, and accepts it.
     *
     * @return the token; empty if the logits are not numbers
     * @throws GrammarException if no token is allowed
     */
    OptionalInt sample(MemorySegment logits, MemorySegment chain) {
        if (!candidates.fill(logits)) {
            return OptionalInt.empty();
        }
        int token = candidates.choose(chain);
        if (!allows(token)) {
            candidates.fill(logits);
            apply();
            requireOne();
            token = candidates.choose(chain);
        }
        accept(token);
        return OptionalInt.of(token);
    }

    /**
     * Gives the tokens that the grammar forbids a logit of minus infinity.
     *
     * @throws GrammarException if no token is allowed
     */
    void restrict(MemorySegment logits) {
        candidates.fill(logits);
        apply();
        requireOne();
        for (int i = 0; i < vocabularySize; i++) {
            logits.setAtIndex(ValueLayout.JAVA_FLOAT, i, candidates.logit(i));
        }
    }

    /**
     * Continues the text with a token that something else than a chain of samplers chose.
     *
     * @throws IllegalStateException if the grammar does not allow it
     */
    void acceptChosen(int token) {
        if (!allows(token)) {
            throw new IllegalStateException(
                    "the sampler chose token " + token + ", which the grammar does not allow");
        }
        accept(token);
    }

    /** Whether the grammar allows a token next. */
    public boolean allows(int token) {
        candidates.only(token);
        apply();
        return !banned.contains(token) && candidates.logit(0) != Float.NEGATIVE_INFINITY;
    }

    /** Gives candidates that the grammar forbids the logit of minus infinity. */
    private void apply() {
        try (Arena scope = Arena.ofConfined()) {
            MemorySegment error = scope.allocate(ValueLayout.ADDRESS);
            if (llama_h.bigllama_grammar_apply(handle.pointer(), candidates.array(), error) < 0) {
                throw stuck(Shim.reason(error));
            }
        }
    }

    /** Requires a possible candidate: without one, samplers end the process or choose any token. */
    private void requireOne() {
        for (int i = 0; i < vocabularySize; i++) {
            if (candidates.logit(i) != Float.NEGATIVE_INFINITY && !banned.contains(i)) {
                return;
            }
        }
        try (Arena scope = Arena.ofConfined()) {
            candidates.fill(scope.allocate(ValueLayout.JAVA_FLOAT, vocabularySize));
            apply();
        }
        for (int i = 0; i < vocabularySize; i++) {
            if (candidates.logit(i) != Float.NEGATIVE_INFINITY) {
                throw stuck(
                        "the grammar allows only tokens that a logit bias, a logits processor or"
                                + " the model forbids");
            }
        }
        throw stuck("the grammar allows no token of the vocabulary");
    }

    private GrammarException stuck(String reason) {
        return new GrammarException(
                String.format(
                        Locale.ROOT,
                        "the answer can't continue after %d tokens: %s",
                        count,
                        reason));
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
