package io.github.bigllama.core;

import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.LogitsProcessor;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.TokenSampler;
import io.github.bigllama.testing.DemoModel;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;

/** What tests of code in the sampling share. */
final class JavaSamplings {
    static final String FRANCE = DemoModel.prompt("What is the capital of France?");
    static final String PARIS = "The capital of France is Paris.";
    static final GenerationOptions GREEDY = GenerationOptions.greedy().withMaxTokens(40);

    private JavaSamplings() {}

    static GenerationOptions with(LogitsProcessor... processors) {
        return GREEDY.withSampling(SamplingOptions.greedy().withProcessors(processors));
    }

    static GenerationOptions sampledBy(TokenSampler sampler) {
        return GREEDY.withSampling(SamplingOptions.greedy().withSampler(sampler));
    }

    static void set(MemorySegment logits, int token, float value) {
        logits.setAtIndex(ValueLayout.JAVA_FLOAT, token, value);
    }

    static float get(MemorySegment logits, int token) {
        return logits.getAtIndex(ValueLayout.JAVA_FLOAT, token);
    }

    static int argmax(MemorySegment logits) {
        return IntStream.range(0, size(logits))
                .reduce((a, b) -> get(logits, b) > get(logits, a) ? b : a)
                .orElseThrow();
    }

    static void only(MemorySegment logits, int token) {
        float logit = get(logits, token);
        IntStream.range(0, size(logits)).forEach(i -> set(logits, i, Float.NEGATIVE_INFINITY));
        set(logits, token, logit);
    }

    /** Number of tokens. */
    static int size(MemorySegment logits) {
        return Math.toIntExact(logits.byteSize() / Float.BYTES);
    }
}
