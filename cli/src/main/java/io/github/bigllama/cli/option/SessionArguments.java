package io.github.bigllama.cli.option;

import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.option.FlashAttention;
import io.github.bigllama.core.option.KvType;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import java.io.PrintStream;
import java.util.Locale;
import picocli.CommandLine.Option;

/** Options for the context and the threads that compute. */
public final class SessionArguments {
    /** Contexts of 128 Ki tokens and more are common, and so are KV caches larger than RAM. */
    static final int DEFAULT_CONTEXT = 4096;

    private static final SessionOptions DEFAULTS = SessionOptions.defaults();

    @Option(
            names = {"-c", "--ctx-size", "--context-size"},
            paramLabel = "N",
            converter = Names.ContextSizes.class,
            description =
                    "Context size in tokens; 0 for the size that the model was trained with, auto "
                            + "for as much of that as fits into RAM beside the weights. Default: "
                            + "the trained size, but at most 4096.")
    Integer contextSize;

    @Option(
            names = {"-b", "--batch-size"},
            paramLabel = "N",
            description = "Most tokens of a prompt given to llama.cpp at once (${DEFAULT-VALUE}).")
    int batchSize = DEFAULTS.batchSize();

    @Option(
            names = {"-ub", "--ubatch-size"},
            paramLabel = "N",
            description =
                    "Most tokens computed in one pass over the weights; 0 (the default) for 512, or"
                            + " more where weights are read from disk.")
    int microBatchSize = DEFAULTS.microBatchSize();

    @Option(
            names = {"-t", "--threads"},
            paramLabel = "N",
            description = "Number of threads that generate. Default: one per physical core.")
    int threads = DEFAULTS.threads();

    @Option(
            names = {"-tb", "--threads-batch"},
            paramLabel = "N",
            description = "Number of threads that compute prompts. Default: as --threads.")
    int batchThreads = DEFAULTS.batchThreads();

    @Option(
            names = {"-ctk", "--cache-type-k"},
            paramLabel = "TYPE",
            completionCandidates = Names.KvTypes.class,
            converter = Names.KvTypes.class,
            description = "Type of the keys in the KV cache (f16): ${COMPLETION-CANDIDATES}.")
    KvType keyType = DEFAULTS.keyType();

    @Option(
            names = {"-ctv", "--cache-type-v"},
            paramLabel = "TYPE",
            completionCandidates = Names.KvTypes.class,
            converter = Names.KvTypes.class,
            description = "Type of the values (f16); a quantized one needs flash attention.")
    KvType valueType = DEFAULTS.valueType();

    @Option(
            names = {"-fa", "--flash-attn"},
            paramLabel = "MODE",
            completionCandidates = Names.FlashModes.class,
            converter = Names.FlashModes.class,
            description = "Use the fused attention kernel (auto): ${COMPLETION-CANDIDATES}.")
    FlashAttention flashAttention = DEFAULTS.flashAttention();

    @Option(
            names = "--speculate",
            paramLabel = "MODE",
            completionCandidates = Names.Speculations.class,
            converter = Names.Speculations.class,
            description =
                    "Draft several tokens and compute them in one pass (auto). ngram: those "
                            + "that"
                            + " followed the same words before; draft: by the model of "
                            + "--model-draft; mtp: by the model's own layers for that; off: "
                            + "never; auto: if there is such a model or weights are read from "
                            + "disk. All tokens are still chosen by the model itself.")
    Speculation speculation = DEFAULTS.speculation();

    /** Whether the size of the context was given. */
    public boolean hasContextSize() {
        return contextSize != null;
    }

    /**
     * Prints how much of the model stays in RAM beside the session if not all of it does, and a
     * remark if llama.cpp makes the context larger than asked for.
     */
    public void explain(LlamaSession opened, PrintStream err) {
        opened.model().residency().ifPresent(kept -> err.println("bigllama: " + kept.plan()));
        if (contextSize != null && contextSize > 0 && opened.contextSize() > contextSize) {
            err.println(
                    String.format(
                            Locale.ROOT,
                            "bigllama: the context has %d tokens, not %d: llama.cpp makes it a multiple of 256",
                            opened.contextSize(),
                            contextSize));
        }
    }

    /** The options of a model with which sessions can be as the arguments say. */
    public ModelOptions addTo(ModelOptions options) {
        return options.withMtp(speculation == Speculation.MTP);
    }

    /** The options that the arguments stand for, for a model with this context size. */
    public SessionOptions toOptions(int trainedContextSize) {
        int context =
                contextSize != null ? contextSize : Math.min(trainedContextSize, DEFAULT_CONTEXT);
        return DEFAULTS.withContextSize(context)
                .withBatchSizes(batchSize, microBatchSize)
                .withThreads(threads, batchThreads)
                .withKvTypes(keyType, valueType)
                .withFlashAttention(flashAttention)
                .withSpeculation(speculation);
    }
}
