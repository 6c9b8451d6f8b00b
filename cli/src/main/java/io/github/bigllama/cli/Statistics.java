package io.github.bigllama.cli;

import io.github.bigllama.core.GenerationStats;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/** Statistics of an answer, for people. */
final class Statistics {
    private Statistics() {}

    static List<String> lines(GenerationStats stats) {
        return List.of(
                format(
                        "prompt:    %d tokens, %d of them cached; %s for the rest, %.1f tokens/s",
                        stats.promptTokens(),
                        stats.cachedTokens(),
                        seconds(stats.promptTime()),
                        stats.promptTokensPerSecond()),
                format(
                        "generated: %d tokens in %s, %.1f tokens/s",
                        stats.generatedTokens(),
                        seconds(stats.generationTime()),
                        stats.tokensPerSecond()),
                format(
                        "stopped:   %s; %d of %d tokens of context used",
                        reason(stats), stats.contextUsed(), stats.contextSize()));
    }

    private static String reason(GenerationStats stats) {
        return stats.stopReason()
                .map(
                        reason ->
                                switch (reason) {
                                    case END_OF_GENERATION -> "the model ended";
                                    case MAX_TOKENS -> "--max-tokens reached";
                                    case STOP_STRING -> "stop text found";
                                    case CONTEXT_FULL -> "context full";
                                    case CANCELLED -> "interrupted";
                                })
                .orElse("failed");
    }

    private static String seconds(Duration duration) {
        return format("%.3f s", duration.toNanos() / 1e9);
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
