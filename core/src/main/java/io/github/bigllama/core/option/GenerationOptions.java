package io.github.bigllama.core.option;

import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.structure.Grammar;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * How one answer is generated.
 *
 * @param maxTokens most tokens to generate; {@link #UNLIMITED} for until the model ends or the
 *     context is full; 0 computes the prompt only
 * @param stopStrings texts that end the generation, also when they span tokens; the text ends
 *     before the first one that appears
 * @param sampling how tokens are chosen
 * @param grammar what the answer must be like, if it must be
 * @param contextFull what is done when the context is full
 * @param keep tokens at the beginning that {@link ContextFull#SHIFT} keeps at the least; a chat
 *     keeps its system message besides, and the beginning-of-sequence token stays in any case
 * @param progress watches the prompt being computed
 * @param thinking whether a model that can reason before it answers a {@link Chat} does; others do
 *     not care
 * @param reasoning is told what a model thinks before it answers a {@link Chat}, piece by piece, on
 *     the thread that pulls from the {@link TokenStream}
 * @param preservedTokens control tokens whose names are part of the text; that of others is empty
 */
public record GenerationOptions(
        int maxTokens,
        List<String> stopStrings,
        SamplingOptions sampling,
        Optional<Grammar> grammar,
        ContextFull contextFull,
        int keep,
        Optional<PrefillProgress> progress,
        boolean thinking,
        Optional<Consumer<String>> reasoning,
        Set<Integer> preservedTokens) {
    /** No limit but the context. */
    public static final int UNLIMITED = -1;

    private static final GenerationOptions DEFAULTS =
            new GenerationOptions(
                    UNLIMITED,
                    List.of(),
                    SamplingOptions.defaults(),
                    Optional.empty(),
                    ContextFull.STOP,
                    0,
                    Optional.empty(),
                    true,
                    Optional.empty(),
                    Set.of());

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
        Objects.requireNonNull(grammar, "grammar");
        Objects.requireNonNull(contextFull, "contextFull");
        if (keep < 0) {
            throw new IllegalArgumentException("keep is " + keep + ", must be 0 or more");
        }
        Objects.requireNonNull(progress, "progress");
        Objects.requireNonNull(reasoning, "reasoning");
        preservedTokens = Set.copyOf(preservedTokens);
    }

    /**
     * Unlimited, no stop strings, llama.cpp's default sampling, reasoning where a model can; stops
     * when the context is full.
     */
    public static GenerationOptions defaults() {
        return DEFAULTS;
    }

    /** Unlimited, always the most probable token: the same prompt gives the same answer. */
    public static GenerationOptions greedy() {
        return DEFAULTS.withSampling(SamplingOptions.greedy());
    }

    public GenerationOptions withMaxTokens(int value) {
        return new GenerationOptions(
                value,
                stopStrings,
                sampling,
                grammar,
                contextFull,
                keep,
                progress,
                thinking,
                reasoning,
                preservedTokens);
    }

    public GenerationOptions withStopStrings(String... values) {
        return withStopStrings(List.of(values));
    }

    public GenerationOptions withStopStrings(List<String> values) {
        return new GenerationOptions(
                maxTokens,
                values,
                sampling,
                grammar,
                contextFull,
                keep,
                progress,
                thinking,
                reasoning,
                preservedTokens);
    }

    public GenerationOptions withSampling(SamplingOptions value) {
        return new GenerationOptions(
                maxTokens,
                stopStrings,
                value,
                grammar,
                contextFull,
                keep,
                progress,
                thinking,
                reasoning,
                preservedTokens);
    }

    public GenerationOptions withGrammar(Grammar value) {
        return withGrammar(Optional.of(value));
    }

    /** With a grammar, or with none. */
    public GenerationOptions withGrammar(Optional<Grammar> value) {
        return new GenerationOptions(
                maxTokens,
                stopStrings,
                sampling,
                value,
                contextFull,
                keep,
                progress,
                thinking,
                reasoning,
                preservedTokens);
    }

    public GenerationOptions withContextFull(ContextFull value) {
        return new GenerationOptions(
                maxTokens,
                stopStrings,
                sampling,
                grammar,
                value,
                keep,
                progress,
                thinking,
                reasoning,
                preservedTokens);
    }

    public GenerationOptions withKeep(int value) {
        return new GenerationOptions(
                maxTokens,
                stopStrings,
                sampling,
                grammar,
                contextFull,
                value,
                progress,
                thinking,
                reasoning,
                preservedTokens);
    }

    public GenerationOptions withProgress(PrefillProgress value) {
        return new GenerationOptions(
                maxTokens,
                stopStrings,
                sampling,
                grammar,
                contextFull,
                keep,
                Optional.of(value),
                thinking,
                reasoning,
                preservedTokens);
    }

    public GenerationOptions withThinking(boolean value) {
        return new GenerationOptions(
                maxTokens,
                stopStrings,
                sampling,
                grammar,
                contextFull,
                keep,
                progress,
                value,
                reasoning,
                preservedTokens);
    }

    public GenerationOptions withReasoning(Consumer<String> value) {
        return new GenerationOptions(
                maxTokens,
                stopStrings,
                sampling,
                grammar,
                contextFull,
                keep,
                progress,
                thinking,
                Optional.of(value),
                preservedTokens);
    }

    public GenerationOptions withPreservedTokens(Set<Integer> value) {
        return new GenerationOptions(
                maxTokens,
                stopStrings,
                sampling,
                grammar,
                contextFull,
                keep,
                progress,
                thinking,
                reasoning,
                value);
    }
}
