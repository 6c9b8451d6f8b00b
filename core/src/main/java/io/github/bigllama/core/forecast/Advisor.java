package io.github.bigllama.core.forecast;

import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.forecast.Advice.Kind;
import io.github.bigllama.core.forecast.Forecast.Verdict;
import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.core.option.KvType;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.quantize.Quantization;
import io.github.bigllama.core.residency.RamBudget;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.LongStream;

/** Forecasts changes that might make a model faster, and returns those that do. */
final class Advisor {
    /** A smaller gain is not worth a change. */
    private static final double LEAST_GAIN = 1.03;

    /** The share of drafted tokens that is assumed to be right. */
    private static final double RIGHT = 0.8;

    private static final int MOST_DRAFTED = 16;
    private static final int SMALL_CONTEXT = 4096;
    private static final long GB = 1_000_000_000;

    /** RAM sizes that machines are sold with, in GB. */
    private static final long[] SIZES = {
        4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024
    };

    private final Forecaster forecaster;
    private final SessionOptions session;
    private final Forecast now;
    private final List<Advice> advice = new ArrayList<>();

    private Advisor(Forecaster forecaster, SessionOptions session, Forecast now) {
        this.forecaster = forecaster;
        this.session = session;
        this.now = now;
    }

    /**
     * Finds the changes that help.
     *
     * @param session the session as asked for: settings that depend on RAM are chosen anew for each
     *     change
     */
    static List<Advice> advise(Forecaster forecaster, SessionOptions session, Forecast now) {
        Advisor advisor = new Advisor(forecaster, session, now);
        advisor.context();
        advisor.kvType();
        advisor.quantization();
        advisor.draft();
        advisor.ram();
        advisor.disk();
        return List.copyOf(advisor.advice);
    }

    private void context() {
        int context = now.session().contextSize();
        if (context > SMALL_CONTEXT) {
            consider(
                    Kind.CONTEXT,
                    Integer.toString(SMALL_CONTEXT),
                    now.ram(),
                    session.withContextSize(SMALL_CONTEXT),
                    now.bandwidths());
        }
    }

    private void kvType() {
        if (now.session().keyType() == KvType.F16 && now.session().valueType() == KvType.F16) {
            consider(
                    Kind.KV_TYPE,
                    "q8_0",
                    now.ram(),
                    session.withKvTypes(KvType.Q8_0, KvType.Q8_0),
                    now.bandwidths());
        }
    }

    /**
     * The best quantization that is notably faster than the current one, and the first with which
     * the model fits.
     */
    private void quantization() {
        if (now.verdict() == Verdict.FITS) {
            // Computing with fewer bytes is not always faster.
            return;
        }
        boolean found = false;
        for (QuantizedForecast other : forecaster.quantized(now.ram(), session, now.bandwidths())) {
            if (other.size() >= now.weights() || other.speed().isEmpty()) {
                continue;
            }
            Speed speed = other.speed().get();
            boolean fits = speed.bytesRead() == 0;
            if (!found || fits) {
                found |= add(Kind.QUANTIZATION, other.type().toString(), speed.tokensPerSecond());
            }
            if (fits) {
                return;
            }
        }
    }

    /** A copy in RAM that drafts tokens, where one pass that checks several is worth its RAM. */
    private void draft() {
        boolean canForget = ModelKind.of(forecaster.files()) == ModelKind.LANGUAGE_MODEL;
        if (now.verdict() != Verdict.STREAMS || !canForget) {
            return;
        }
        forecaster.quantized(now.ram(), session, now.bandwidths()).stream()
                .filter(other -> other.type() == Quantization.Q2_K)
                .findFirst()
                .ifPresent(this::draft);
    }

    private void draft(QuantizedForecast copy) {
        long ram = now.ram() - copy.size() - now.context().kvCache();
        Optional<Speed> beside = forecaster.forecast(ram, session, now.bandwidths()).speed();
        if (beside.isEmpty()) {
            return;
        }
        double drafting = copy.size() / now.bandwidths().memory();
        double tokens = 1;
        double best = 0;
        for (int drafted = 1; drafted <= MOST_DRAFTED; drafted++) {
            tokens += Math.pow(RIGHT, drafted);
            double computing = (1 + drafted) * beside.get().computing() + drafted * drafting;
            Speed pass = Speed.of(computing, beside.get().reading(), beside.get().bytesRead());
            best = Math.max(best, tokens * pass.tokensPerSecond());
        }
        add(Kind.DRAFT, "self:" + copy.type(), best);
    }

    /** The next larger machine, and the first one that the whole model fits. */
    private void ram() {
        OptionalLong next = size(now.ram() + now.ram() / 4);
        long other = now.context().total() + now.process();
        long needed = now.weights() + now.weights() / 50 + other;
        OptionalLong enough = size(needed + now.ram() - RamBudget.weightRam(now.ram(), 0));
        LongStream.concat(next.stream(), enough.stream())
                .filter(size -> size > now.ram())
                .distinct()
                .forEach(
                        size ->
                                consider(
                                        Kind.RAM,
                                        size / GB + " GB",
                                        size,
                                        session,
                                        now.bandwidths()));
    }

    private static OptionalLong size(long least) {
        return LongStream.of(SIZES).map(gigabytes -> gigabytes * GB).filter(s -> s >= least).min();
    }

    private void disk() {
        Bandwidths bandwidths = now.bandwidths();
        consider(
                Kind.DISK,
                String.format(Locale.ROOT, "%.1f GB/s", 2 * bandwidths.disk() / GB),
                now.ram(),
                session,
                new Bandwidths(
                        bandwidths.memory(),
                        2 * bandwidths.disk(),
                        2 * bandwidths.slices(),
                        bandwidths.step()));
    }

    private void consider(
            Kind kind, String value, long ram, SessionOptions changed, Bandwidths bandwidths) {
        Forecast then;
        try {
            then = forecaster.forecast(ram, changed, bandwidths);
        } catch (SessionException e) {
            // This model does not allow it: quantized keys, for example, need heads of whole
            // blocks.
            return;
        }
        then.speed().ifPresent(speed -> add(kind, value, speed.tokensPerSecond()));
    }

    private boolean add(Kind kind, String value, double tokensPerSecond) {
        double gain =
                now.speed()
                        .map(speed -> tokensPerSecond / speed.tokensPerSecond())
                        .orElse(Double.POSITIVE_INFINITY);
        if (gain < LEAST_GAIN) {
            return false;
        }
        advice.add(new Advice(kind, value, tokensPerSecond, gain));
        return true;
    }
}
