package io.github.bigllama.core.option;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * How the next token is chosen from the logits. The steps run in llama.cpp's order: logit bias,
 * penalties, DRY, top-k, typical-p, top-p, min-p, XTC, temperature, and a draw with the seed; or,
 * with {@link Mirostat}, temperature and Mirostat's own choice instead of the filters. Processors
 * written in Java run before all of these, and a sampler written in Java replaces all of them.
 *
 * <p>A grammar judges what was chosen: a token that it does not allow is replaced by one that the
 * same steps choose among those that it allows. A sampler written in Java is not asked twice, but
 * sees only tokens that the grammar allows; finding these takes milliseconds per token where the
 * vocabulary is large. Processors don't see what a grammar allows.
 *
 * <p>Sources: top-k <a href="https://arxiv.org/abs/1805.04833">arXiv:1805.04833</a>, top-p <a
 * href="https://arxiv.org/abs/1904.09751">arXiv:1904.09751</a>, min-p <a
 * href="https://arxiv.org/abs/2407.01082">arXiv:2407.01082</a>, typical-p <a
 * href="https://arxiv.org/abs/2202.00666">arXiv:2202.00666</a>.
 *
 * @param temperature divides the logits; 0 always takes the most probable token
 * @param topK keeps this many of the most probable tokens; 0 keeps all
 * @param topP keeps the most probable tokens that together reach this probability; 1 keeps all
 * @param minP drops tokens less probable than this share of the most probable one; 0 keeps all
 * @param typicalP keeps the tokens whose information content is most typical and that together
 *     reach this probability; 1 keeps all
 * @param penalties makes tokens that appeared recently less probable
 * @param dry makes tokens that would extend a repetition less probable
 * @param xtc now and then drops the most probable tokens
 * @param mirostat steers the surprise of the text instead of filtering
 * @param seed seed of the random draw; {@link #RANDOM_SEED} for a different one each time
 * @param logitBias added to the logits of these token ids; negative infinity forbids a token
 * @param processors change the logits, one after the other
 * @param sampler chooses the token, if there is one; only processors and a grammar have an effect
 *     beside it
 */
public record SamplingOptions(
        float temperature,
        int topK,
        float topP,
        float minP,
        float typicalP,
        Penalties penalties,
        Dry dry,
        Xtc xtc,
        Mirostat mirostat,
        int seed,
        Map<Integer, Float> logitBias,
        List<LogitsProcessor> processors,
        Optional<TokenSampler> sampler) {
    /** {@code LLAMA_DEFAULT_SEED}: llama.cpp draws a seed. */
    public static final int RANDOM_SEED = 0xFFFFFFFF;

    /**
     * The most that may be added to a logit, or that a {@link LogitsProcessor} may make of one:
     * 10<sup>6</sup>. A difference of 100 already leaves one of two tokens without a chance, and
     * llama.cpp no longer sorts logits of more than 10<sup>8</sup>.
     */
    public static final float MAX_LOGIT = 1e6f;

    private static final SamplingOptions DEFAULTS =
            new SamplingOptions(
                    0.8f,
                    40,
                    0.95f,
                    0.05f,
                    1f,
                    Penalties.OFF,
                    Dry.OFF,
                    Xtc.OFF,
                    Mirostat.OFF,
                    RANDOM_SEED,
                    Map.of(),
                    List.of(),
                    Optional.empty());

    private static final SamplingOptions GREEDY = DEFAULTS.withTemperature(0);

    public SamplingOptions {
        requireRange("temperature", temperature, 0, 1000);
        requireRange("topK", topK, 0, Integer.MAX_VALUE);
        requireRange("topP", topP, 0, 1);
        requireRange("minP", minP, 0, 1);
        requireRange("typicalP", typicalP, 0, 1);
        Objects.requireNonNull(penalties, "penalties");
        Objects.requireNonNull(dry, "dry");
        Objects.requireNonNull(xtc, "xtc");
        Objects.requireNonNull(mirostat, "mirostat");
        logitBias = Map.copyOf(Objects.requireNonNull(logitBias, "logitBias"));
        logitBias.forEach(
                (token, bias) -> {
                    if (!(bias <= MAX_LOGIT)) { // NaN, too
                        throw new IllegalArgumentException(
                                "logit bias of token "
                                        + token
                                        + " is "
                                        + bias
                                        + ", must be a number of at most "
                                        + MAX_LOGIT
                                        + ", or negative infinity");
                    }
                });
        processors = List.copyOf(Objects.requireNonNull(processors, "processors"));
        Objects.requireNonNull(sampler, "sampler");
    }

    /** The defaults of llama.cpp's own programs. */
    public static SamplingOptions defaults() {
        return DEFAULTS;
    }

    /** Always the most probable token. */
    public static SamplingOptions greedy() {
        return GREEDY;
    }

    /**
     * Penalties on the tokens that appeared in the last part of the text, the prompt included.
     *
     * @param lastTokens number of last tokens to look at; 0 turns the penalties off
     * @param repeat divides positive logits of those tokens and multiplies negative ones; 1 does
     *     nothing
     * @param frequency subtracted once for every appearance; 0 does nothing
     * @param presence subtracted once; 0 does nothing
     */
    public record Penalties(int lastTokens, float repeat, float frequency, float presence) {
        /** Looks at 64 tokens, and changes nothing. */
        public static final Penalties OFF = new Penalties(64, 1, 0, 0);

        public Penalties {
            requireRange("penalties: lastTokens", lastTokens, 0, Integer.MAX_VALUE);
            requireRange("penalties: repeat", repeat, Float.MIN_VALUE, 1000);
            requireRange("penalties: frequency", frequency, -1000, 1000);
            requireRange("penalties: presence", presence, -1000, 1000);
        }

        public boolean isOff() {
            return lastTokens == 0 || (repeat == 1 && frequency == 0 && presence == 0);
        }
    }

    /**
     * "Don't repeat yourself": a penalty that grows with the length of the repetition. Source: <a
     * href="https://github.com/oobabooga/text-generation-webui/pull/5677">text-generation-webui,
     * pull request 5677</a>.
     *
     * @param multiplier factor of the penalty; 0 turns it off
     * @param base the penalty is multiplier · base^(length − allowedLength)
     * @param allowedLength longest repetition without a penalty, in tokens
     * @param lastTokens number of last tokens in which to look for repetitions
     * @param sequenceBreakers texts that end a repetition
     */
    public record Dry(
            float multiplier,
            float base,
            int allowedLength,
            int lastTokens,
            List<String> sequenceBreakers) {
        /** llama.cpp's values with a multiplier of 0. */
        public static final Dry OFF = new Dry(0, 1.75f, 2, 64, List.of("\n", ":", "\"", "*"));

        public Dry {
            requireRange("dry: multiplier", multiplier, 0, 1000);
            requireRange("dry: base", base, 1, 1000);
            requireRange("dry: allowedLength", allowedLength, 0, Integer.MAX_VALUE);
            requireRange("dry: lastTokens", lastTokens, 0, Integer.MAX_VALUE);
            sequenceBreakers =
                    List.copyOf(Objects.requireNonNull(sequenceBreakers, "sequenceBreakers"));
        }

        public boolean isOff() {
            return multiplier == 0 || lastTokens == 0;
        }
    }

    /**
     * "Exclude top choices": with a probability, drops all but the least probable of the tokens
     * above a threshold. Source: <a
     * href="https://github.com/oobabooga/text-generation-webui/pull/6335">text-generation-webui,
     * pull request 6335</a>.
     *
     * @param probability how probable this is at each token; 0 turns it off
     * @param threshold the probability from which a token is a top choice
     */
    public record Xtc(float probability, float threshold) {
        /** llama.cpp's threshold with a probability of 0. */
        public static final Xtc OFF = new Xtc(0, 0.1f);

        public Xtc {
            requireRange("xtc: probability", probability, 0, 1);
            requireRange("xtc: threshold", threshold, 0, 1);
        }
    }

    /**
     * Mirostat: keeps the surprise of the text near a target. Source: <a
     * href="https://arxiv.org/abs/2007.14966">arXiv:2007.14966</a>.
     *
     * @param version 0 for off, 1 or 2
     * @param tau the target surprise, in bits
     * @param eta the learning rate
     */
    public record Mirostat(int version, float tau, float eta) {
        /** llama.cpp's values, turned off. */
        public static final Mirostat OFF = new Mirostat(0, 5, 0.1f);

        public Mirostat {
            requireRange("mirostat: version", version, 0, 2);
            requireRange("mirostat: tau", tau, 0, 100);
            requireRange("mirostat: eta", eta, 0, 100);
        }
    }

    public SamplingOptions withTemperature(float value) {
        return with(draft -> draft.temperature = value);
    }

    public SamplingOptions withTopK(int value) {
        return with(draft -> draft.topK = value);
    }

    public SamplingOptions withTopP(float value) {
        return with(draft -> draft.topP = value);
    }

    public SamplingOptions withMinP(float value) {
        return with(draft -> draft.minP = value);
    }

    public SamplingOptions withTypicalP(float value) {
        return with(draft -> draft.typicalP = value);
    }

    public SamplingOptions withPenalties(Penalties value) {
        return with(draft -> draft.penalties = value);
    }

    public SamplingOptions withDry(Dry value) {
        return with(draft -> draft.dry = value);
    }

    public SamplingOptions withXtc(Xtc value) {
        return with(draft -> draft.xtc = value);
    }

    public SamplingOptions withMirostat(Mirostat value) {
        return with(draft -> draft.mirostat = value);
    }

    public SamplingOptions withSeed(int value) {
        return with(draft -> draft.seed = value);
    }

    public SamplingOptions withLogitBias(Map<Integer, Float> value) {
        return with(draft -> draft.logitBias = value);
    }

    public SamplingOptions withProcessors(LogitsProcessor... values) {
        for (LogitsProcessor value : Objects.requireNonNull(values, "processors")) {
            Objects.requireNonNull(value, "processor");
        }
        return withProcessors(List.of(values));
    }

    public SamplingOptions withProcessors(List<LogitsProcessor> values) {
        return with(draft -> draft.processors = values);
    }

    public SamplingOptions withSampler(TokenSampler value) {
        return with(draft -> draft.sampler = Optional.of(Objects.requireNonNull(value, "sampler")));
    }

    private static void requireRange(String name, float value, float min, float max) {
        if (!(value >= min && value <= max)) {
            throw new IllegalArgumentException(
                    name + " is " + value + ", must be " + min + " to " + max);
        }
    }

    private static void requireRange(String name, int value, int min, int max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException(
                    name + " is " + value + ", must be " + min + " to " + max);
        }
    }

    private SamplingOptions with(Consumer<Draft> change) {
        Draft draft = new Draft(this);
        change.accept(draft);
        return draft.options();
    }

    /** The components while some of them are replaced. */
    private static final class Draft {
        private float temperature;
        private int topK;
        private float topP;
        private float minP;
        private float typicalP;
        private Penalties penalties;
        private Dry dry;
        private Xtc xtc;
        private Mirostat mirostat;
        private int seed;
        private Map<Integer, Float> logitBias;
        private List<LogitsProcessor> processors;
        private Optional<TokenSampler> sampler;

        Draft(SamplingOptions options) {
            temperature = options.temperature;
            topK = options.topK;
            topP = options.topP;
            minP = options.minP;
            typicalP = options.typicalP;
            penalties = options.penalties;
            dry = options.dry;
            xtc = options.xtc;
            mirostat = options.mirostat;
            seed = options.seed;
            logitBias = options.logitBias;
            processors = options.processors;
            sampler = options.sampler;
        }

        SamplingOptions options() {
            return new SamplingOptions(
                    temperature,
                    topK,
                    topP,
                    minP,
                    typicalP,
                    penalties,
                    dry,
                    xtc,
                    mirostat,
                    seed,
                    logitBias,
                    processors,
                    sampler);
        }
    }
}
