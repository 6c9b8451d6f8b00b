package io.github.bigllama.core;

import io.github.bigllama.core.residency.ResidencyStats;
import java.time.Duration;
import java.util.Optional;

/**
 * Counts and times of an answer so far.
 *
 * @param promptTokens tokens of the whole prompt
 * @param cachedTokens tokens of the prompt that the KV cache already had
 * @param promptTime time spent computing the rest of the prompt
 * @param generatedTokens tokens chosen so far, the end-of-generation token not counted
 * @param decodedTokens tokens that were chosen after the first, which comes with the prompt
 * @param generationTime time spent computing and choosing them, without the caller's own time
 * @param contextUsed tokens in the KV cache now
 * @param contextSize tokens that the context has room for
 * @param stopReason why the answer ended; empty until then
 * @param residency reads from disk for the generated tokens, or for the prompt while that is being
 *     computed; empty for a model that fits into RAM
 * @param speculation counts of speculative decoding; empty if it is off
 */
public record GenerationStats(
        int promptTokens,
        int cachedTokens,
        Duration promptTime,
        int generatedTokens,
        int decodedTokens,
        Duration generationTime,
        int contextUsed,
        int contextSize,
        Optional<StopReason> stopReason,
        Optional<ResidencyStats> residency,
        Optional<SpeculationStats> speculation) {
    /** Tokens of the prompt that had to be computed. */
    public int prefilledTokens() {
        return promptTokens - cachedTokens;
    }

    /** Speed of the prompt, in tokens per second; 0 before anything was computed. */
    public double promptTokensPerSecond() {
        return perSecond(prefilledTokens(), promptTime);
    }

    /** Speed of the generation, in tokens per second; 0 before the second token. */
    public double tokensPerSecond() {
        return perSecond(decodedTokens, generationTime);
    }

    private static double perSecond(int tokens, Duration time) {
        return time.isZero() ? 0 : tokens * 1e9 / time.toNanos();
    }
}
