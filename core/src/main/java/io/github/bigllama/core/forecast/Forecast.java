package io.github.bigllama.core.forecast;

import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.ContextMemory;
import io.github.bigllama.core.residency.ResidencyPlan;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How a model will run: what the RAM is used for, how much is read from disk, and how long a token
 * takes. Made by {@link Forecaster} from the headers of the model, before it is loaded.
 *
 * @param verdict whether the model fits
 * @param ram bytes of RAM that the process may use
 * @param session the session of this forecast, with the context and the micro-batch that it will
 *     have
 * @param context RAM that the session takes besides the weights
 * @param process bytes of RAM for the JVM, and for the kernel's data about the process
 * @param weights bytes of all weights
 * @param active bytes of weights that a token uses
 * @param plan the weights that stay in RAM; empty if there is too little RAM
 * @param speed how long a token takes once the weights that stay in RAM have been read; empty if
 *     there is too little RAM
 * @param coldStartSeconds seconds to the first token after a short prompt, with nothing of the
 *     model in RAM at the start
 * @param leastRam the least RAM that the process can run with, in bytes
 * @param bandwidths the bandwidths that the forecast is computed with
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
    /** How a model runs in a given amount of RAM. */
    public enum Verdict {
        /** The whole model stays in RAM. */
        FITS,
        /** The weights that every token uses stay in RAM; experts that are missing are read. */
        HOT_SET_FITS,
        /** A part of the weights that every token uses is read for each token. */
        STREAMS,
        /** There is not even room for the weights in use at a time. */
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
