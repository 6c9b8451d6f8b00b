package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.bindings.llama.llama_logit_bias;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.llama.Vocabulary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A {@code llama_sampler} chain made from {@link SamplingOptions}. Works on tokens, not on text.
 */
public final class SamplerChain implements AutoCloseable {
    /**
     * The least candidates that filters keep, as in llama.cpp's programs: 0 lets each filter decide
     * alone.
     */
    private static final long MIN_KEEP = 0;

    /** Logits divided by less are infinite: it chooses the most probable token, as 0 does. */
    private static final float LEAST_TEMPERATURE = 1e-30f;

    /** The length of Mirostat 1's estimate, called m in its paper. */
    private static final int MIROSTAT_M = 100;

    private final NativeHandle handle;
    private final int lookBack;

    /** Null if any text is allowed. */
    private final @Nullable GrammarSampler grammar;

    private final JavaSampling java;
    private final Arena room = Arena.ofShared();
    private final Candidates candidates;

    /** Number of tokens chosen so far. */
    private int count;

    /**
     * Makes the samplers.
     *
     * @param contextSize the most tokens of a text, so that no sampler remembers more
     * @param rules what the text must follow; null for any text
     */
    public SamplerChain(
            Vocabulary vocabulary,
            SamplingOptions options,
            int contextSize,
            @Nullable Grammar rules) {
        options.logitBias().keySet().forEach(vocabulary::requireToken);
        Set<Integer> biased = banned(options);
        if (biased.size() == vocabulary.size()) {
            throw new IllegalArgumentException(
                    "the logit bias forbids all "
                            + vocabulary.size()
                            + " tokens of the vocabulary; leave one");
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = llama_h.llama_sampler_chain_default_params(arena);
            handle =
                    new NativeHandle(
                            "sampler",
                            llama_h.llama_sampler_chain_init(params),
                            llama_h::llama_sampler_free);
            if (!options.logitBias().isEmpty()) {
                add(logitBias(vocabulary, options.logitBias(), arena));
            }
            SamplingOptions.Penalties penalties = options.penalties();
            if (!penalties.isOff()) {
                add(
                        llama_h.llama_sampler_init_penalties(
                                vocabulary.size(),
                                Math.min(penalties.lastTokens(), contextSize),
                                penalties.repeat(),
                                penalties.frequency(),
                                penalties.presence()));
            }
            if (!options.dry().isOff()) {
                add(dry(vocabulary, options.dry(), contextSize, arena));
            }
            addChoice(vocabulary, options);
        }
        Set<Integer> banned = options.sampler().isPresent() ? Set.of() : biased;
        java = new JavaSampling(vocabulary.size(), options, banned);
        try {
            grammar = rules == null ? null : new GrammarSampler(vocabulary, rules, banned);
        } catch (RuntimeException e) {
            handle.close();
            room.close();
            throw e;
        }
        candidates = new Candidates(vocabulary.size(), room);
        lookBack =
                Math.min(
                        contextSize,
                        Math.max(
                                options.penalties().isOff() ? 0 : options.penalties().lastTokens(),
                                options.dry().isOff() ? 0 : options.dry().lastTokens()));
    }

    /** Shows the end of the prompt to the penalties. */
    public void accept(int[] prompt) {
        for (int i = Math.max(0, prompt.length - lookBack); i < prompt.length; i++) {
            llama_h.llama_sampler_accept(handle.pointer(), prompt[i]);
        }
    }

    /**
     * Chooses a token from the logits of the last token of a sequence, and remembers it.
     *
     * @return the token; empty if the logits are not numbers
     */
    public OptionalInt sample(MemorySegment logits, Sequence text) {
        OptionalInt token = java.isNone() ? choose(logits) : chooseInJava(logits, text);
        token.ifPresent(chosen -> llama_h.llama_sampler_accept(handle.pointer(), chosen));
        count++;
        return token;
    }

    private OptionalInt choose(MemorySegment logits) {
        if (grammar != null) {
            return grammar.sample(logits, handle.pointer());
        }
        return candidates.fill(logits)
                ? OptionalInt.of(candidates.choose(handle.pointer()))
                : OptionalInt.empty();
    }

    private OptionalInt chooseInJava(MemorySegment logits, Sequence text) {
        if (!candidates.fill(logits)) {
            return OptionalInt.empty();
        }
        java.process(text, count, logits);
        if (!java.hasSampler()) {
            return choose(logits);
        }
        if (grammar == null) {
            return OptionalInt.of(java.choose(text, count, logits));
        }
        grammar.restrict(logits);
        int token = java.choose(text, count, logits);
        grammar.acceptChosen(token);
        return OptionalInt.of(token);
    }

    @Override
    public void close() {
        if (grammar != null) {
            grammar.close();
        }
        handle.close();
        room.close();
    }

    private void addChoice(Vocabulary vocabulary, SamplingOptions options) {
        SamplingOptions.Mirostat mirostat = options.mirostat();
        if (options.temperature() < LEAST_TEMPERATURE) {
            add(llama_h.llama_sampler_init_greedy());
        } else if (mirostat.version() == 0) {
            add(llama_h.llama_sampler_init_top_k(options.topK()));
            add(llama_h.llama_sampler_init_typical(options.typicalP(), MIN_KEEP));
            add(llama_h.llama_sampler_init_top_p(options.topP(), MIN_KEEP));
            add(llama_h.llama_sampler_init_min_p(options.minP(), MIN_KEEP));
            SamplingOptions.Xtc xtc = options.xtc();
            add(
                    llama_h.llama_sampler_init_xtc(
                            xtc.probability(), xtc.threshold(), MIN_KEEP, options.seed()));
            add(llama_h.llama_sampler_init_temp(options.temperature()));
            add(llama_h.llama_sampler_init_dist(options.seed()));
        } else {
            add(llama_h.llama_sampler_init_temp(options.temperature()));
            add(
                    mirostat.version() == 1
                            ? llama_h.llama_sampler_init_mirostat(
                                    vocabulary.size(),
                                    options.seed(),
                                    mirostat.tau(),
                                    mirostat.eta(),
                                    MIROSTAT_M)
                            : llama_h.llama_sampler_init_mirostat_v2(
                                    options.seed(), mirostat.tau(), mirostat.eta()));
        }
    }

    /** Adds a sampler, which the chain owns from then on. */
    private void add(MemorySegment sampler) {
        llama_h.llama_sampler_chain_add(handle.pointer(), sampler);
    }

    private static Set<Integer> banned(SamplingOptions options) {
        return options.logitBias().entrySet().stream()
                .filter(bias -> bias.getValue() == Float.NEGATIVE_INFINITY)
                .map(Map.Entry::getKey)
                .collect(Collectors.toUnmodifiableSet());
    }

    private static MemorySegment logitBias(
            Vocabulary vocabulary, Map<Integer, Float> biases, Arena arena) {
        MemorySegment array = llama_logit_bias.allocateArray(biases.size(), arena);
        int i = 0;
        for (Map.Entry<Integer, Float> bias : biases.entrySet()) {
            MemorySegment entry = llama_logit_bias.asSlice(array, i++);
            llama_logit_bias.token(entry, bias.getKey());
            llama_logit_bias.bias(entry, bias.getValue());
        }
        return llama_h.llama_sampler_init_logit_bias(vocabulary.size(), biases.size(), array);
    }

    private static MemorySegment dry(
            Vocabulary vocabulary, SamplingOptions.Dry dry, int contextSize, Arena arena) {
        int n = dry.sequenceBreakers().size();
        MemorySegment breakers = arena.allocate(ValueLayout.ADDRESS, Math.max(n, 1));
        for (int i = 0; i < n; i++) {
            breakers.setAtIndex(
                    ValueLayout.ADDRESS, i, arena.allocateFrom(dry.sequenceBreakers().get(i)));
        }
        return llama_h.llama_sampler_init_dry(
                vocabulary.pointer(),
                dry.multiplier(),
                dry.base(),
                dry.allowedLength(),
                Math.min(dry.lastTokens(), contextSize),
                breakers,
                n);
    }
}
