package io.github.bigllama.core.option;

import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.structure.Grammar;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * How one answer is generated.
 *
 * @param maxTokens most tokens to generate; {@link #UNLIMITED} to generate until the model ends the
 *     answer or the context is full; 0 computes the prompt only
 * @param stopStrings texts that end the generation, even when they span several tokens; the answer
 *     ends before the first one that appears
 * @param sampling how tokens are chosen
 * @param grammar the grammar that the answer must follow, if any
 * @param contextFull what to do when the context is full
 * @param keep number of tokens at the beginning that {@link ContextFull#SHIFT} always keeps; a chat
 *     keeps its system message as well, and the beginning-of-sequence token stays in any case
 * @param progress watches the prompt being computed
 * @param thinking whether a model that can reason before it answers in a {@link Chat} does so; no
 *     effect on others
 * @param reasoning is given the model's reasoning in a {@link Chat}, piece by piece, on the thread
 *     that reads the {@link TokenStream}
 * @param preservedTokens ids of control tokens whose names are part of the text; other control
 *     tokens add nothing to it
 * @param timeout time limit from asking for an answer to its end; the text that is complete by then
 *     is the answer. In {@link Chat#ask} it applies to each answer of a turn, not to the tool calls
 *     between them
 * @param toolChoice whether an answer in a {@link Chat} may, or must, call tools
 * @param logprobs number of most likely tokens in {@link TokenStream#logprobs()}, as llama.cpp's
 *     n_probs; 0 for no log-probabilities at all
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
        Set<Integer> preservedTokens,
        Optional<Duration> timeout,
        ToolChoice toolChoice,
        int logprobs) {
    /** No limit except the context. */
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
                    Set.of(),
                    Optional.empty(),
                    ToolChoice.AUTO,
                    0);

    public GenerationOptions {
        if (maxTokens < UNLIMITED) {
            throw new IllegalArgumentException(
                    "maxTokens is " + maxTokens + ", must be -1 (unlimited) or more");
        }
        stopStrings = List.copyOf(Objects.requireNonNull(stopStrings, "stopStrings"));
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
        preservedTokens = Set.copyOf(Objects.requireNonNull(preservedTokens, "preservedTokens"));
        Objects.requireNonNull(timeout, "timeout");
        if (timeout.isPresent() && !timeout.get().isPositive()) {
            throw new IllegalArgumentException(
                    "timeout is " + timeout.get() + ", must be positive");
        }
        Objects.requireNonNull(toolChoice, "toolChoice");
        if (logprobs < 0) {
            throw new IllegalArgumentException("logprobs is " + logprobs + ", must be 0 or more");
        }
    }

    /**
     * Unlimited, no stop strings, llama.cpp's default sampling, reasoning where the model can;
     * stops when the context is full.
     */
    public static GenerationOptions defaults() {
        return DEFAULTS;
    }

    /**
     * As {@link #defaults()}, but always the most probable token: the same prompt gives the same
     * answer.
     */
    public static GenerationOptions greedy() {
        return DEFAULTS.withSampling(SamplingOptions.greedy());
    }

    public GenerationOptions withMaxTokens(int value) {
        return with(draft -> draft.maxTokens = value);
    }

    public GenerationOptions withStopStrings(String... values) {
        for (String value : Objects.requireNonNull(values, "stopStrings")) {
            Objects.requireNonNull(value, "stopString");
        }
        return withStopStrings(List.of(values));
    }

    public GenerationOptions withStopStrings(List<String> values) {
        return with(draft -> draft.stopStrings = values);
    }

    public GenerationOptions withSampling(SamplingOptions value) {
        return with(draft -> draft.sampling = value);
    }

    public GenerationOptions withGrammar(Grammar value) {
        Objects.requireNonNull(value, "grammar");
        return with(draft -> draft.grammar = Optional.of(value));
    }

    public GenerationOptions withoutGrammar() {
        return with(draft -> draft.grammar = Optional.empty());
    }

    public GenerationOptions withContextFull(ContextFull value) {
        return with(draft -> draft.contextFull = value);
    }

    public GenerationOptions withKeep(int value) {
        return with(draft -> draft.keep = value);
    }

    public GenerationOptions withProgress(PrefillProgress value) {
        return with(
                draft -> draft.progress = Optional.of(Objects.requireNonNull(value, "progress")));
    }

    public GenerationOptions withThinking(boolean value) {
        return with(draft -> draft.thinking = value);
    }

    public GenerationOptions withReasoning(Consumer<String> value) {
        return with(
                draft -> draft.reasoning = Optional.of(Objects.requireNonNull(value, "reasoning")));
    }

    public GenerationOptions withPreservedTokens(Set<Integer> value) {
        return with(draft -> draft.preservedTokens = value);
    }

    public GenerationOptions withTimeout(Duration value) {
        return with(draft -> draft.timeout = Optional.of(Objects.requireNonNull(value, "timeout")));
    }

    public GenerationOptions withToolChoice(ToolChoice value) {
        return with(draft -> draft.toolChoice = value);
    }

    /**
     * Asks for log-probabilities, as llama.cpp's server does with {@code n_probs}.
     *
     * @param value number of most likely tokens beside each chosen one; 0 for no log-probabilities
     */
    public GenerationOptions withLogprobs(int value) {
        return with(draft -> draft.logprobs = value);
    }

    private GenerationOptions with(Consumer<Draft> change) {
        Draft draft = new Draft(this);
        change.accept(draft);
        return draft.options();
    }

    /** The components while some of them are replaced. */
    private static final class Draft {
        private int maxTokens;
        private List<String> stopStrings;
        private SamplingOptions sampling;
        private Optional<Grammar> grammar;
        private ContextFull contextFull;
        private int keep;
        private Optional<PrefillProgress> progress;
        private boolean thinking;
        private Optional<Consumer<String>> reasoning;
        private Set<Integer> preservedTokens;
        private Optional<Duration> timeout;
        private ToolChoice toolChoice;
        private int logprobs;

        Draft(GenerationOptions options) {
            maxTokens = options.maxTokens;
            stopStrings = options.stopStrings;
            sampling = options.sampling;
            grammar = options.grammar;
            contextFull = options.contextFull;
            keep = options.keep;
            progress = options.progress;
            thinking = options.thinking;
            reasoning = options.reasoning;
            preservedTokens = options.preservedTokens;
            timeout = options.timeout;
            toolChoice = options.toolChoice;
            logprobs = options.logprobs;
        }

        GenerationOptions options() {
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
                    preservedTokens,
                    timeout,
                    toolChoice,
                    logprobs);
        }
    }
}
