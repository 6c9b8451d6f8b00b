package io.github.bigllama.cli.output;

import io.github.bigllama.core.GenerationStats;
import io.github.bigllama.core.SpeculationStats;
import io.github.bigllama.core.residency.ResidencyStats;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Writes statistics of an answer for people. */
public final class Statistics {
    private Statistics() {}

    public static List<String> lines(GenerationStats stats) {
        List<String> lines = new ArrayList<>();
        lines.add(
                format(
                        "prompt:    %d tokens, %d of them cached; %s for the rest, %.1f tokens/s",
                        stats.promptTokens(),
                        stats.cachedTokens(),
                        seconds(stats.promptTime()),
                        stats.promptTokensPerSecond()));
        lines.add(
                format(
                        "generated: %d tokens in %s, %.1f tokens/s",
                        stats.generatedTokens(),
                        seconds(stats.generationTime()),
                        stats.tokensPerSecond()));
        stats.speculation()
                .filter(speculation -> speculation.drafted() > 0)
                .ifPresent(speculation -> lines.add("drafted:   " + speculation(speculation)));
        stats.residency().ifPresent(residency -> lines.add("weights:   " + residency(residency)));
        lines.add(
                format(
                        "stopped:   %s; %d of %d tokens of context used",
                        reason(stats), stats.contextUsed(), stats.contextSize()));
        return lines;
    }

    /** The most important statistics in one line. */
    public static String line(GenerationStats stats) {
        String line =
                format(
                        "%.2f tokens/s; %d of %d tokens of context",
                        stats.tokensPerSecond(), stats.contextUsed(), stats.contextSize());
        return stats.residency().map(r -> line + "; " + residency(r)).orElse(line);
    }

    /** The reads of a model that does not fit into RAM. */
    static String residency(ResidencyStats stats) {
        String text =
                format(
                        "%.0f %% in RAM, %s read per token%s %s at %.2f GB/s, %s",
                        100 * stats.residentShare(),
                        ByteSize.format(stats.bytesPerToken()),
                        stats.mirrorBytes() > 0
                                ? format(", %.0f %% from the mirror,", 100 * stats.mirrorShare())
                                : "",
                        stats.ownBytes() > 0
                                ? "into %s of its own".formatted(ByteSize.format(stats.ownBytes()))
                                : "through the page cache",
                        stats.readBytesPerSecond() / 1e9,
                        stats.isDiskBound()
                                ? format(
                                        "disk-bound: %.0f %% of the time spent waiting for weights",
                                        100 * stats.stalledShare())
                                : "compute-bound");
        return stats.expertHits() + stats.expertMisses() == 0
                ? text
                : text + format("; %.0f %% of experts found in RAM", 100 * stats.expertHitRate());
    }

    private static String speculation(SpeculationStats stats) {
        return format(
                "%d tokens, %d of them right; %.2f tokens per pass",
                stats.drafted(), stats.accepted(), stats.tokensPerPass());
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
                                    case TIMEOUT -> "time limit reached";
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
