package io.github.bigllama.core;

import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * How one answer is generated.
 *
 * @param maxTokens most tokens to generate; {@link #UNLIMITED} for until the model ends or the
 *     context is full; 0 computes the prompt only
 * @param stopStrings texts that end the generation, also when they span tokens; the text ends
 *     before the first one that appears
 * @param sampling how tokens are chosen
 * @param progress watches the prompt being computed
 */
public record GenerationOptions(
        int maxTokens,
        List<String> stopStrings,
        SamplingOptions sampling,
        Optional<PrefillProgress> progress) {
    /** No limit but the context. */
    public static final int UNLIMITED = -1;

    private static final GenerationOptions DEFAULTS =
            new GenerationOptions(
                    UNLIMITED, List.of(), SamplingOptions.defaults(), Optional.empty());

    public GenerationOptions {
        if (maxTokens < UNLIMITED) {
            throw new IllegalArgumentException(
                    "maxTokens is " + maxTokens + ", must be -1 (unlimited) or more");
        }
        stopStrings = List.copyOf(stopStrings);
        if (stopStrings.contains("")) {
            throw new IllegalArgumentException("a stop string is empty");
        }
        Objects.requireNonNull(sampling, "sampling");
        Objects.requireNonNull(progress, "progress");
    }

    /** Unlimited, no stop strings, llama.cpp's default sampling. */
    public static GenerationOptions defaults() {
        return DEFAULTS;
    }

    /** Unlimited, always the most probable token: the same prompt gives the same answer. */
    public static GenerationOptions greedy() {
        return DEFAULTS.withSampling(SamplingOptions.greedy());
    }

    public GenerationOptions withMaxTokens(int value) {
        return new GenerationOptions(value, stopStrings, sampling, progress);
    }

    public GenerationOptions withStopStrings(String... values) {
        return new GenerationOptions(maxTokens, List.of(values), sampling, progress);
    }

    public GenerationOptions withSampling(SamplingOptions value) {
        return new GenerationOptions(maxTokens, stopStrings, value, progress);
    }

    public GenerationOptions withProgress(PrefillProgress value) {
        return new GenerationOptions(maxTokens, stopStrings, sampling, Optional.of(value));
    }
}
