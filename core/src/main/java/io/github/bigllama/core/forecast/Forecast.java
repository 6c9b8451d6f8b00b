package io.github.bigllama.core.forecast;

import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.ContextMemory;
import io.github.bigllama.core.residency.ResidencyPlan;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What running a model will be like: how much RAM goes where, what is read from disk, how long a
 * token takes. Made by {@link Forecaster} from the headers of the model, before it is loaded.
 *
 * @param verdict whether it fits
 * @param ram bytes of RAM that the process may use
 * @param session the session it is for, with the context and the micro-batch it will have
 * @param context what the session takes besides the weights
 * @param process bytes of RAM of the JVM, and of the kernel for the process
 * @param weights bytes of all weights
 * @param active bytes of weights that a token uses
 * @param plan what of the weights stays in RAM; empty if there is too little RAM
 * @param speed how long a token takes once what stays in RAM is there; empty if there is too little
 *     RAM
 * @param coldStartSeconds until the first token of a short prompt, with nothing of the model in RAM
 * @param leastRam bytes of RAM that the process needs at the least
 * @param bandwidths what it is computed with
 */
public record Forecast(
        Verdict verdict,
        long ram,
        SessionOptions session,
        ContextMemory context,
        long process,
        long weights,
        long active,
        Optional<ResidencyPlan> plan,
        Optional<Speed> speed,
        double coldStartSeconds,
        OptionalLong leastRam,
        Bandwidths bandwidths) {
    /** How a model runs with some RAM. */
    public enum Verdict {
        /** All of it stays in RAM. */
        FITS,
        /** What every token uses stays in RAM; of the experts, those that are missing are read. */
        HOT_SET_FITS,
        /** A part of what every token uses is read for each token. */
        STREAMS,
        /** There is not even room for what passes through. */
        TOO_LITTLE_RAM
    }

    /** Bytes of RAM that weights will take. */
    public long weightsInRam() {
        return plan.map(p -> Math.min(weights, p.weightRam())).orElse(0L);
    }

    /** Bytes of RAM that the process will take. */
    public long total() {
        return weightsInRam() + context.total() + process;
    }
}
