package io.github.bigllama.cli.page;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.residency.ResidencyPlan;
import io.github.bigllama.core.residency.ResidencyStats;
import java.util.Locale;
import java.util.function.Supplier;

/** What a monitoring system asks for, in Prometheus' text format. */
public final class PageMetrics implements Supplier<String> {
    private final LlamaModel model;
    private final Supplier<String> others;

    /**
     * The metrics of a model.
     *
     * @param others further metrics, in the same format
     */
    public PageMetrics(LlamaModel model, Supplier<String> others) {
        this.model = model;
        this.others = others;
    }

    @Override
    public String get() {
        StringBuilder text = new StringBuilder();
        gauge(text, "weights_bytes", "Bytes of all weights.", model.sizeInBytes());
        model.residency()
                .ifPresent(
                        residency -> {
                            add(text, residency.plan());
                            add(text, residency.stats());
                        });
        return text + others.get();
    }

    private static void add(StringBuilder text, ResidencyPlan plan) {
        gauge(text, "weights_ram_bytes", "Bytes of RAM for weights.", plan.weightRam());
        gauge(
                text,
                "token_read_planned_bytes",
                "Bytes that a token reads, as planned.",
                plan.streamed());
    }

    private static void add(StringBuilder text, ResidencyStats stats) {
        counter(text, "passes_total", "Passes over the weights.", stats.passes());
        counter(text, "tokens_total", "Tokens that passes computed.", stats.tokens());
        counter(text, "pass_seconds_total", "Duration of passes.", stats.nanos() / 1e9);
        counter(
                text,
                "stall_seconds_total",
                "Time for which passes waited for weights.",
                stats.stallNanos() / 1e9);
        counter(text, "read_bytes_total", "Bytes of weights read.", stats.bytesRead());
        counter(
                text,
                "expert_hits_total",
                "Chosen expert slices that were in memory.",
                stats.expertHits());
        counter(
                text,
                "expert_misses_total",
                "Chosen expert slices that had to be read.",
                stats.expertMisses());
        gauge(
                text,
                "weights_resident_bytes",
                "Bytes of weights in memory after the last pass.",
                stats.residentBytes());
    }

    private static void gauge(StringBuilder text, String name, String help, double value) {
        add(text, name, "gauge", help, value);
    }

    private static void counter(StringBuilder text, String name, String help, double value) {
        add(text, name, "counter", help, value);
    }

    private static void add(
            StringBuilder text, String name, String type, String help, double value) {
        String number =
                value == Math.rint(value)
                        ? String.format(Locale.ROOT, "%.0f", value)
                        : String.format(Locale.ROOT, "%.6f", value);
        text.append("# HELP bigllama_").append(name).append(' ').append(help).append('\n');
        text.append("# TYPE bigllama_").append(name).append(' ').append(type).append('\n');
        text.append("bigllama_").append(name).append(' ').append(number).append('\n');
    }
}
