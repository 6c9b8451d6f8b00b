package io.github.bigllama.cli.option;

import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.SamplingOptions.Dry;
import io.github.bigllama.core.option.SamplingOptions.Mirostat;
import io.github.bigllama.core.option.SamplingOptions.Penalties;
import io.github.bigllama.core.option.SamplingOptions.Xtc;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Options for choosing tokens, named as by llama.cpp. */
public final class SamplingArguments {
    private static final SamplingOptions DEFAULTS = SamplingOptions.defaults();

    @Option(names = "--greedy", description = "Always take the most probable token; as --temp 0.")
    boolean greedy;

    @Option(
            names = {"--temp", "--temperature"},
            paramLabel = "N",
            description =
                    "Temperature (0.8; the demo model: 0); 0 always takes the most probable token.")
    Float temperature;

    @Option(
            names = "--top-k",
            paramLabel = "N",
            description = "Keep the N most probable tokens (${DEFAULT-VALUE}; 0 = all).")
    int topK = DEFAULTS.topK();

    @Option(
            names = "--top-p",
            paramLabel = "N",
            description =
                    "Keep the most probable tokens that together reach this probability "
                            + "(${DEFAULT-VALUE}; 1 = all).")
    float topP = DEFAULTS.topP();

    @Option(
            names = "--min-p",
            paramLabel = "N",
            description =
                    "Drop tokens below this share of the best one's probability (${DEFAULT-VALUE}; "
                            + "0 = none).")
    float minP = DEFAULTS.minP();

    @Option(
            names = {"--typical-p", "--typical"},
            paramLabel = "N",
            description =
                    "Keep the most typical tokens that together reach this probability "
                            + "(${DEFAULT-VALUE}; 1 = all).")
    float typicalP = DEFAULTS.typicalP();

    @Option(
            names = "--repeat-last-n",
            paramLabel = "N",
            description =
                    "Number of last tokens that the penalties look at (${DEFAULT-VALUE}; 0 = no "
                            + "penalties).")
    int repeatLastN = Penalties.OFF.lastTokens();

    @Option(
            names = "--repeat-penalty",
            paramLabel = "N",
            description = "Divides the logits of repeated tokens (${DEFAULT-VALUE}; 1 = off).")
    float repeatPenalty = Penalties.OFF.repeat();

    @Option(
            names = "--presence-penalty",
            paramLabel = "N",
            description = "Subtracted once from repeated tokens (${DEFAULT-VALUE}; 0 = off).")
    float presencePenalty = Penalties.OFF.presence();

    @Option(
            names = "--frequency-penalty",
            paramLabel = "N",
            description = "Subtracted for each repetition (${DEFAULT-VALUE}; 0 = off).")
    float frequencyPenalty = Penalties.OFF.frequency();

    @Option(
            names = "--dry-multiplier",
            paramLabel = "N",
            description =
                    "Strength of the DRY penalty on long repetitions (${DEFAULT-VALUE}; 0 = off).")
    float dryMultiplier = Dry.OFF.multiplier();

    @Option(
            names = "--dry-base",
            paramLabel = "N",
            description = "How fast the DRY penalty grows with the length (${DEFAULT-VALUE}).")
    float dryBase = Dry.OFF.base();

    @Option(
            names = "--dry-allowed-length",
            paramLabel = "N",
            description = "Number of tokens that may repeat without DRY (${DEFAULT-VALUE}).")
    int dryAllowedLength = Dry.OFF.allowedLength();

    @Option(
            names = "--dry-penalty-last-n",
            paramLabel = "N",
            description = "Number of last tokens that DRY looks at (${DEFAULT-VALUE}).")
    int dryLastN = Dry.OFF.lastTokens();

    @Option(
            names = "--dry-sequence-breaker",
            paramLabel = "TEXT",
            description =
                    "A text that ends a repetition for DRY, replacing the default ones; \"none\" "
                            + "for no such texts. Repeatable.")
    List<String> dryBreakers;

    @Option(
            names = "--xtc-probability",
            paramLabel = "N",
            description = "Probability that XTC drops the top choices (${DEFAULT-VALUE}; 0 = off).")
    float xtcProbability = Xtc.OFF.probability();

    @Option(
            names = "--xtc-threshold",
            paramLabel = "N",
            description =
                    "Probability from which a token is a top choice for XTC (${DEFAULT-VALUE}).")
    float xtcThreshold = Xtc.OFF.threshold();

    @Option(
            names = "--mirostat",
            paramLabel = "N",
            description = "Use Mirostat 1 or 2 instead of the filters (${DEFAULT-VALUE} = off).")
    int mirostat = Mirostat.OFF.version();

    @Option(
            names = "--mirostat-lr",
            paramLabel = "N",
            description = "Mirostat's learning rate, eta (${DEFAULT-VALUE}).")
    float mirostatEta = Mirostat.OFF.eta();

    @Option(
            names = "--mirostat-ent",
            paramLabel = "N",
            description = "Mirostat's target, tau (${DEFAULT-VALUE}).")
    float mirostatTau = Mirostat.OFF.tau();

    @Option(
            names = {"-s", "--seed"},
            paramLabel = "N",
            converter = SeedConverter.class,
            description = "Seed of the random choice, 0 to 4294967294. Default: -1, a random seed.")
    Integer seed;

    @Option(
            names = {"-l", "--logit-bias"},
            paramLabel = "ID=BIAS",
            converter = {Identity.class, BiasConverter.class},
            description =
                    "Add to the logit of a token; -inf forbids it. Repeatable. bigllama tokenize"
                            + " shows the ids.")
    Map<Integer, Float> logitBias = new LinkedHashMap<>();

    /**
     * The options that the arguments stand for.
     *
     * @param defaultTemperature the default temperature of the model
     */
    SamplingOptions toOptions(float defaultTemperature) {
        if (greedy && temperature != null && temperature != 0) {
            throw CommandException.usage("--greedy is --temp 0; leave out one of them");
        }
        float temp = greedy ? 0 : temperature != null ? temperature : defaultTemperature;
        return DEFAULTS.withTemperature(temp)
                .withTopK(topK)
                .withTopP(topP)
                .withMinP(minP)
                .withTypicalP(typicalP)
                .withPenalties(
                        new Penalties(
                                repeatLastN, repeatPenalty, frequencyPenalty, presencePenalty))
                .withDry(new Dry(dryMultiplier, dryBase, dryAllowedLength, dryLastN, dryBreakers()))
                .withXtc(new Xtc(xtcProbability, xtcThreshold))
                .withMirostat(new Mirostat(mirostat, mirostatTau, mirostatEta))
                .withSeed(seed == null ? SamplingOptions.RANDOM_SEED : seed)
                .withLogitBias(logitBias);
    }

    private List<String> dryBreakers() {
        if (dryBreakers == null) {
            return Dry.OFF.sequenceBreakers();
        }
        return dryBreakers.equals(List.of("none")) ? List.of() : dryBreakers;
    }

    /** llama.cpp's seeds are unsigned. */
    static final class SeedConverter implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            try {
                return text.equals("-1")
                        ? SamplingOptions.RANDOM_SEED
                        : Integer.parseUnsignedInt(text);
            } catch (NumberFormatException e) {
                throw new TypeConversionException("'" + text + "' is not 0 to 4294967295, or -1");
            }
        }
    }

    /** The id of a token. */
    static final class Identity implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            try {
                return Integer.valueOf(text);
            } catch (NumberFormatException e) {
                throw new TypeConversionException("'" + text + "' is not the id of a token");
            }
        }
    }

    /** Java spells infinity differently from llama.cpp. */
    static final class BiasConverter implements ITypeConverter<Float> {
        @Override
        public Float convert(String text) {
            try {
                return text.equals("-inf") ? Float.NEGATIVE_INFINITY : Float.valueOf(text);
            } catch (NumberFormatException e) {
                throw new TypeConversionException("'" + text + "' is neither a number nor -inf");
            }
        }
    }
}
