package io.github.bigllama.internal.engine;

import io.github.bigllama.core.option.LogitsProcessor;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.TokenSampler;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The part of choosing tokens that users write in Java. */
@SuppressWarnings("restricted")
final class JavaSampling {
    private static final float MOST = SamplingOptions.MAX_LOGIT;

    private final int vocabularySize;
    private final List<LogitsProcessor> processors;
    private final @Nullable TokenSampler sampler;

    /** Tokens that a later step forbids. */
    private final Set<Integer> banned;

    JavaSampling(int vocabularySize, SamplingOptions options, Set<Integer> banned) {
        this.vocabularySize = vocabularySize;
        this.processors = options.processors();
        this.sampler = options.sampler().orElse(null);
        this.banned = banned;
    }

    /** Whether there is nothing of the kind. */
    boolean isNone() {
        return processors.isEmpty() && sampler == null;
    }

    boolean hasSampler() {
        return sampler != null;
    }

    /** Runs the processors on logits that are numbers. */
    void process(Sequence text, int generated, MemorySegment logits) {
        for (int i = 0; i < processors.size(); i++) {
            try (Arena call = Arena.ofConfined()) {
                processors.get(i).process(text.tokens(), generated, logits.reinterpret(call, null));
            }
            requireUsable(logits, i);
        }
    }

    /** Has the sampler choose a token. */
    int choose(Sequence text, int generated, MemorySegment logits) {
        int token;
        try (Arena call = Arena.ofConfined()) {
            token = sampler.sample(text.tokens(), generated, logits.reinterpret(call, null));
        }
        if (token < 0 || token >= vocabularySize) {
            throw new IllegalStateException(
                    String.format(
                            Locale.ROOT,
                            "the sampler chose token %d, which is not in the vocabulary of %d tokens",
                            token,
                            vocabularySize));
        }
        return token;
    }

    private void requireUsable(MemorySegment logits, int processor) {
        boolean isPossible = false;
        for (int token = 0; token < vocabularySize; token++) {
            float logit = logits.getAtIndex(ValueLayout.JAVA_FLOAT, token);
            // NaN, too.
            if (!(logit <= MOST)) {
                throw new IllegalStateException(
                        String.format(
                                Locale.ROOT,
                                "%s gave token %d the logit %s; it must be a number of at most %s, or negative infinity to forbid the token",
                                name(processor),
                                token,
                                logit,
                                MOST));
            }
            isPossible = isPossible || logit >= -MOST && !banned.contains(token);
        }
        if (!isPossible) {
            throw new IllegalStateException(
                    name(processor)
                            + (banned.isEmpty()
                                    ? " left no token to choose: it forbade all of them"
                                    : " left no token to choose: it forbade all that the logit bias"
                                            + " allows"));
        }
    }

    private String name(int processor) {
        return String.format(
                Locale.ROOT, "logits processor %d of %d", processor + 1, processors.size());
    }
}
