package io.github.bigllama.core.forecast;

import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.forecast.Forecast.Verdict;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.quantize.Quantization;
import io.github.bigllama.core.quantize.QuantizeException;
import io.github.bigllama.core.residency.AvailableRam;
import io.github.bigllama.core.residency.ContextMemory;
import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.core.residency.RamBudget;
import io.github.bigllama.core.residency.ResidencyPlan;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.check.ModelCheck;
import io.github.bigllama.internal.load.MemoryFit;
import io.github.bigllama.internal.load.ModelDryRun;
import io.github.bigllama.internal.pieces.PlanRules;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * Forecasts how a model will run, from its headers alone: no weights are read, and the model may be
 * on a web server. For one thread at a time; closing it frees what llama.cpp allocated to look at
 * the model.
 */
public final class Forecaster implements AutoCloseable {
    /**
     * Bytes of RAM for the JVM with llama.cpp, and for the kernel's data about the process, besides
     * everything that grows with the model: measured by {@code scripts/bench-residency} with a
     * small context.
     */
    private static final long PROCESS = 100_000_000;

    /**
     * Bytes of these that are not pages of files, measured in bench without the KV cache and the
     * buffers: only these reduce the RAM for weights. The rest, programs and libraries, is in the
     * reserve of {@link RamBudget}.
     */
    static final long OWN_MEMORY = 55_000_000;

    /** Tokens of a short prompt, which decide how many of the experts the first pass uses. */
    private static final int SHORT_PROMPT = 32;

    /** The quantizations that people usually choose among. */
    private static final List<Quantization> QUANTIZATIONS =
            List.of(
                    Quantization.BF16,
                    Quantization.Q8_0,
                    Quantization.Q6_K,
                    Quantization.Q5_K_M,
                    Quantization.Q4_K_M,
                    Quantization.Q3_K_M,
                    Quantization.Q2_K);

    private final ModelFiles files;
    private final Weights weights;
    private final HeaderCopy copy;
    private final ModelDryRun model;
    private final int steps;
    private final Map<Quantization, Weights> quantized = new EnumMap<>(Quantization.class);

    /**
     * Prepares forecasts for a model.
     *
     * @param files the headers of the model
     * @throws ModelLoadException if llama.cpp would not load it
     */
    public Forecaster(ModelFiles files) {
        this.files = Objects.requireNonNull(files, "files");
        Path name = files.first().path().orElse(Path.of(files.first().fileName()));
        ModelKind kind = ModelKind.of(files);
        if (!kind.generates()) {
            throw new ModelLoadException(
                    name,
                    name
                            + " "
                            + kind.sentence()
                            + "; a forecast needs a model that writes token by token",
                    List.of(),
                    null);
        }
        try {
            ModelCheck.check(files, Map.of());
        } catch (GgufException e) {
            throw new ModelLoadException(name, e.getMessage(), List.of(), e);
        }
        weights = Weights.of(files);
        copy = HeaderCopy.of(files);
        try {
            model = new ModelDryRun(copy.path(), ModelOptions.defaults());
            steps = model.steps();
        } catch (RuntimeException | Error e) {
            copy.close();
            throw e;
        }
    }

    /** The headers of the model. */
    public ModelFiles files() {
        return files;
    }

    /** The weights of the model, by their place in the files. */
    public Weights weights() {
        return weights;
    }

    /** The context size that the model was trained with, in tokens. */
    public int trainedContextSize() {
        return model.trainedContextSize();
    }

    /**
     * Bytes of RAM that this process may use: those it uses now, and those that the system can
     * spare.
     */
    public static long availableRam() {
        return AvailableRam.ofThisProcess().bytes() + AvailableRam.anonymousBytes();
    }

    /**
     * Forecasts how the model will run.
     *
     * @param ram bytes of RAM that the process may use; may be more than this machine has
     * @param session the session to run
     * @throws SessionException if llama.cpp can't open such a session with any amount of RAM
     */
    public Forecast forecast(long ram, SessionOptions session, Bandwidths bandwidths) {
        Objects.requireNonNull(session, "session");
        Objects.requireNonNull(bandwidths, "bandwidths");
        return forecast(weights, ram, session, bandwidths);
    }

    private Forecast forecast(
            Weights weights, long ram, SessionOptions session, Bandwidths bandwidths) {
        SessionOptions sized = withContext(ram, session);
        MemoryFit.requireContextSize(model.path(), sized);
        SessionOptions chosen = withBatch(weights, ram, sized);
        ContextMemory context = model.memory(chosen);
        Optional<ResidencyPlan> plan = Optional.empty();
        OptionalLong least = OptionalLong.empty();
        long weightRam = RamBudget.weightRam(ram, OWN_MEMORY + context.total());
        try {
            plan = Optional.of(PlanRules.plan(weights, weightRam));
        } catch (InsufficientRamException e) {
            least = OptionalLong.of(ram + e.least() - weightRam);
        }
        return new Forecast(
                plan.map(p -> verdict(weights, p)).orElse(Verdict.TOO_LITTLE_RAM),
                ram,
                chosen,
                context,
                PROCESS,
                weights.loadedSize(),
                weights.activeSize(),
                plan,
                plan.map(p -> speed(weights, p, bandwidths)),
                plan.map(p -> coldStart(weights, p, bandwidths)).orElse(Double.POSITIVE_INFINITY),
                least,
                bandwidths);
    }

    /**
     * The speed if RAM for weights is a given share of the model's size; empty if that is too
     * little.
     *
     * @param share 0 to 1; with 1 everything is in RAM
     */
    public Optional<Speed> speed(double share, Bandwidths bandwidths) {
        Objects.requireNonNull(bandwidths, "bandwidths");
        if (share >= 1) {
            return Optional.of(Speed.of(computing(weights, bandwidths), 0, 0));
        }
        try {
            long weightRam = (long) (share * weights.loadedSize());
            return Optional.of(speed(weights, PlanRules.plan(weights, weightRam), bandwidths));
        } catch (InsufficientRamException e) {
            return Optional.empty();
        }
    }

    /**
     * The tokens per second that a forecast becomes when a pass over the weights computes several
     * tokens: of as many conversations, or of drafts that are right. What every token uses is read
     * once for all; of experts, those that at least one of n tokens uses, 1 − (1 − u)<sup>n</sup>
     * of them if each token uses the share u at random. Computing takes as much for each token as
     * for one alone, which is the worst case.
     *
     * @param tokensPerPass 1 or more
     * @return empty if there is too little RAM
     */
    public OptionalDouble tokensPerSecond(Forecast forecast, int tokensPerPass) {
        Objects.requireNonNull(forecast, "forecast");
        if (tokensPerPass < 1) {
            throw new IllegalArgumentException(
                    "tokensPerPass is " + tokensPerPass + ", must be 1 or more");
        }
        if (forecast.plan().isEmpty()) {
            return OptionalDouble.empty();
        }
        Bandwidths bandwidths = forecast.bandwidths();
        long streamed = forecast.plan().get().streamed();
        long experts = Math.min(streamed, activeExperts(weights));
        double used = activeExperts(weights) / (double) weights.size(Weight.Use.EXPERTS);
        double read = experts == 0 ? 0 : experts * (1 - Math.pow(1 - used, tokensPerPass)) / used;
        Speed pass =
                Speed.of(
                        tokensPerPass * computing(weights, bandwidths),
                        (streamed - experts) / bandwidths.disk() + read / bandwidths.slices(),
                        streamed - experts + (long) read);
        return OptionalDouble.of(tokensPerPass * pass.tokensPerSecond());
    }

    /**
     * The model in other quantizations, the largest first. llama.cpp itself decides which type each
     * tensor would have; quantizations that it can't make of this model are left out.
     */
    public List<QuantizedForecast> quantized(
            long ram, SessionOptions session, Bandwidths bandwidths) {
        Objects.requireNonNull(session, "session");
        Objects.requireNonNull(bandwidths, "bandwidths");
        List<QuantizedForecast> rows = new ArrayList<>();
        for (Quantization type : QUANTIZATIONS) {
            try {
                Weights other =
                        quantized.computeIfAbsent(
                                type, t -> QuantizedWeights.of(copy.path(), weights, t));
                rows.add(
                        new QuantizedForecast(
                                type,
                                other.size(),
                                8.0 * other.size() / model.parameterCount(),
                                forecast(other, ram, session, bandwidths).speed()));
            } catch (QuantizeException e) {
                // llama.cpp can't quantize this model to the type.
            }
        }
        return rows;
    }

    /**
     * Changes that would make the model faster than in a forecast for this session, and by how
     * much.
     */
    public List<Advice> advice(SessionOptions session, Forecast forecast) {
        Objects.requireNonNull(session, "session");
        Objects.requireNonNull(forecast, "forecast");
        return Advisor.advise(this, session, forecast);
    }

    /**
     * The largest context, up to the trained one, that leaves room for the weights: enough for all
     * of them, or if they would not fit anyway, seven eighths of the RAM.
     *
     * @return the context size in tokens; 0 if no context fits
     */
    public int largestContext(long ram, SessionOptions session) {
        Objects.requireNonNull(session, "session");
        SessionOptions all = session.withContextSize(model.trainedContextSize());
        long weightRam = RamBudget.weightRam(ram, OWN_MEMORY);
        return model.largestContext(
                withBatch(weights, ram, all),
                MemoryFit.contextRoom(weights.loadedSize(), weightRam));
    }

    private SessionOptions withContext(long ram, SessionOptions session) {
        return switch (session.contextSize()) {
            case 0 -> session.withContextSize(model.trainedContextSize());
            case SessionOptions.AUTO_CONTEXT ->
                    session.withContextSize(Math.max(1, largestContext(ram, session)));
            default -> session;
        };
    }

    /** The session with the micro-batch that it will choose; see {@link MemoryFit}. */
    private SessionOptions withBatch(Weights weights, long ram, SessionOptions session) {
        if (session.microBatchSize() != SessionOptions.AUTO_MICRO_BATCH) {
            return session;
        }
        int batch = session.batchSize();
        int usual = MemoryFit.microBatch(session, false);
        SessionOptions small = session.withBatchSizes(batch, usual);
        long other = OWN_MEMORY + model.memory(small).total();
        if (weights.loadedSize() <= RamBudget.weightRam(ram, other)) {
            return small;
        }
        int affordable =
                MemoryFit.streamingBatch(
                        model, session, bytes -> RamBudget.weightRam(ram, OWN_MEMORY + bytes));
        return session.withBatchSizes(affordable, affordable);
    }

    private static Verdict verdict(Weights weights, ResidencyPlan plan) {
        if (plan.isComplete()) {
            return Verdict.FITS;
        }
        return weights.hasExperts() && plan.streamed() <= activeExperts(weights)
                ? Verdict.HOT_SET_FITS
                : Verdict.STREAMS;
    }

    private static long activeExperts(Weights weights) {
        return weights.activeSize() - weights.size(Weight.Use.EVERY_TOKEN);
    }

    private double computing(Weights weights, Bandwidths bandwidths) {
        return weights.activeSize() / bandwidths.memory() + steps * bandwidths.step();
    }

    private Speed speed(Weights weights, ResidencyPlan plan, Bandwidths bandwidths) {
        long experts = Math.min(plan.streamed(), activeExperts(weights));
        long inOrder = plan.streamed() - experts;
        return Speed.of(
                computing(weights, bandwidths),
                inOrder / bandwidths.disk() + experts / bandwidths.slices(),
                plan.streamed());
    }

    /**
     * Seconds to read all weights once; of a model with experts that does not fit, only the experts
     * that are used.
     */
    private double coldStart(Weights weights, ResidencyPlan plan, Bandwidths bandwidths) {
        double read = weights.loadedSize();
        if (!plan.isComplete() && weights.hasExperts()) {
            double experts = weights.size(Weight.Use.EXPERTS);
            double used = 1 - Math.pow(1 - activeExperts(weights) / experts, SHORT_PROMPT);
            read = weights.size(Weight.Use.EVERY_TOKEN) + used * experts;
        }
        return read / bandwidths.disk() + computing(weights, bandwidths);
    }

    /** Deletes the temporary copies of the headers, and frees llama.cpp's memory. */
    @Override
    public void close() {
        model.close();
        copy.close();
    }
}
