package io.github.bigllama.cli.output;

import io.github.bigllama.core.Advice;
import io.github.bigllama.core.Forecast;
import io.github.bigllama.core.QuantizedForecast;
import io.github.bigllama.core.Speed;
import java.util.List;
import java.util.Optional;

/**
 * What running a model will be like.
 *
 * @param forecast for the RAM there is
 * @param inUse bytes of RAM that the process will take
 * @param byRam the speed with a part of the model's size as RAM for its weights
 * @param byQuantization the model in other quantizations, with the RAM there is
 * @param advice what would help
 */
public record PlanReport(
        String model,
        Forecast forecast,
        long inUse,
        List<Share> byRam,
        List<QuantizedForecast> byQuantization,
        List<Advice> advice) {
    /**
     * @param ramPerModel bytes of RAM for weights, for each byte of the model
     * @param speed empty if that is too little
     */
    public record Share(double ramPerModel, Optional<Speed> speed) {}
}
