package io.github.bigllama.cli.output;

import io.github.bigllama.core.forecast.Advice;
import io.github.bigllama.core.forecast.Forecast;
import io.github.bigllama.core.forecast.QuantizedForecast;
import io.github.bigllama.core.forecast.Speed;
import io.github.bigllama.core.residency.ResidencyPlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Writes a plan for people. */
final class PlanText {
    private final PlanReport plan;
    private final Forecast forecast;

    PlanText(PlanReport plan) {
        this.plan = plan;
        this.forecast = plan.forecast();
    }

    /** Lines without line ends. */
    List<String> lines() {
        List<String> lines = new ArrayList<>(facts().lines());
        lines.add("");
        lines.addAll(bill().lines());
        lines.add("");
        lines.addAll(shares().lines());
        lines.add("");
        if (!plan.byPass().isEmpty()) {
            lines.addAll(passes().lines());
            lines.add("");
        }
        lines.addAll(quantizations().lines());
        if (!plan.advice().isEmpty()) {
            lines.add("");
            lines.addAll(advice().lines());
        }
        return lines;
    }

    /** Whether the model runs, and how fast. */
    Table facts() {
        Table facts = new Table("ll");
        facts.row("model", plan.model());
        facts.row("verdict", verdict());
        forecast.speed()
                .ifPresent(
                        speed -> {
                            facts.row("speed", range(speed) + " tokens/s");
                            facts.row("", terms(speed));
                            facts.row(
                                    "first token",
                                    "after %s, if nothing of the model is in RAM"
                                            .formatted(seconds(forecast.coldStartSeconds())));
                        });
        return facts;
    }

    private String verdict() {
        return switch (forecast.verdict()) {
            case FITS -> "fits: all of it stays in RAM";
            case HOT_SET_FITS ->
                    "larger than RAM: the weights that every token uses stay there, and %s of %s of experts"
                            .formatted(
                                    size(plan().experts()),
                                    size(forecast.weights() - everyToken()));
            case STREAMS ->
                    "larger than RAM: %s stay there, %s of %s are read per token"
                            .formatted(
                                    size(plan().kept() + plan().experts()),
                                    size(plan().streamed()),
                                    size(plan().active()));
            case TOO_LITTLE_RAM ->
                    "does not run with %s of RAM: it needs at least %s"
                            .formatted(
                                    size(forecast.ram()), size(forecast.leastRam().orElseThrow()));
        };
    }

    private ResidencyPlan plan() {
        return forecast.plan().orElseThrow();
    }

    private long everyToken() {
        return plan().kept();
    }

    private static String range(Speed speed) {
        return speed.bytesRead() == 0
                ? number(speed.tokensPerSecond())
                : "%s, between %s and %s"
                        .formatted(
                                number(speed.tokensPerSecond()),
                                number(speed.leastTokensPerSecond()),
                                number(speed.mostTokensPerSecond()));
    }

    private String terms(Speed speed) {
        String computing =
                "computing with %s takes %s (%s/s%s)"
                        .formatted(
                                size(forecast.active()),
                                seconds(speed.computing()),
                                size(forecast.bandwidths().memory()),
                                steps(forecast.bandwidths().step()));
        return speed.bytesRead() == 0
                ? computing
                : computing
                        + ", reading %s takes %s (%s/s)"
                                .formatted(
                                        size(speed.bytesRead()),
                                        seconds(speed.reading()),
                                        size(speed.bytesRead() / speed.reading()));
    }

    private static String steps(double seconds) {
        return seconds == 0
                ? ""
                : String.format(Locale.ROOT, " and %.2f µs for each step", seconds * 1e6);
    }

    private Table bill() {
        Table bill = new Table("lrl");
        bill.row("RAM", size(forecast.ram()), "");
        bill.row("  weights", size(forecast.weightsInRam()), "of " + size(forecast.weights()));
        bill.row(
                "  KV cache",
                size(forecast.context().kvCache()),
                String.format(
                        Locale.ROOT,
                        "%d tokens, keys %s, values %s",
                        forecast.session().contextSize(),
                        lower(forecast.session().keyType()),
                        lower(forecast.session().valueType())));
        bill.row(
                "  buffers",
                size(forecast.context().computeBuffers() + forecast.context().outputBuffer()),
                String.format(
                        Locale.ROOT,
                        "prompts in batches of %d tokens",
                        forecast.session().microBatchSize()));
        bill.row("  process", size(forecast.process()), "Java, llama.cpp, the kernel");
        bill.row("  total", size(forecast.total()), "");
        return bill;
    }

    private static String lower(Object constant) {
        return constant.toString().toLowerCase(Locale.ROOT);
    }

    private Table shares() {
        Table shares = new Table("rrr").row("RAM for weights", "tokens/s", "read per token");
        for (PlanReport.Share share : plan.byRam()) {
            shares.row(
                    String.format(
                            Locale.ROOT,
                            "%s, %.0f %%",
                            size(share.ramPerModel() * forecast.weights()),
                            100 * share.ramPerModel()),
                    share.speed().map(speed -> number(speed.tokensPerSecond())).orElse("-"),
                    share.speed().map(speed -> size(speed.bytesRead())).orElse("too little"));
        }
        return shares;
    }

    private Table passes() {
        Table passes = new Table("rr").row("conversations, or tokens per draft", "tokens/s");
        for (PlanReport.Pass pass : plan.byPass()) {
            passes.row(Integer.toString(pass.tokens()), number(pass.tokensPerSecond()));
        }
        return passes;
    }

    private Table quantizations() {
        Table table =
                new Table("lrrrr")
                        .row("weights in", "bits per weight", "size", "tokens/s", "read per token");
        for (QuantizedForecast other : plan.byQuantization()) {
            table.row(
                    other.type().toString(),
                    number(other.bitsPerWeight()),
                    size(other.size()),
                    other.speed().map(speed -> number(speed.tokensPerSecond())).orElse("-"),
                    other.speed().map(speed -> size(speed.bytesRead())).orElse("too little RAM"));
        }
        return table;
    }

    private Table advice() {
        Table table = new Table("lrr").row("what would help", "tokens/s", "gain");
        for (Advice advice : plan.advice()) {
            table.row(
                    text(advice),
                    number(advice.tokensPerSecond()),
                    Double.isInfinite(advice.gain()) ? "" : number(advice.gain()));
        }
        return table;
    }

    private static String text(Advice advice) {
        return switch (advice.kind()) {
            case CONTEXT -> "a smaller context: -c " + advice.value();
            case KV_TYPE ->
                    "keys and values in %s: -ctk %s -ctv %s"
                            .formatted(advice.value(), advice.value(), advice.value());
            case QUANTIZATION -> "the weights in " + advice.value();
            case DRAFT -> "drafts, if 4 of 5 are right: --model-draft " + advice.value();
            case RAM -> advice.value() + " of RAM";
            case DISK -> "a disk of " + advice.value();
        };
    }

    private static String size(double bytes) {
        return ByteSize.format(bytes);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, value < 10 ? "%.2f" : "%.1f", value);
    }

    private static String seconds(double value) {
        if (value < 0.01) {
            return String.format(Locale.ROOT, "%.2f ms", value * 1e3);
        }
        return String.format(Locale.ROOT, value < 1 ? "%.3f s" : "%.1f s", value);
    }
}
