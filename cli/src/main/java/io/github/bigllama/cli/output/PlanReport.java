package io.github.bigllama.cli.output;

import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.core.forecast.Advice;
import io.github.bigllama.core.forecast.Bandwidths;
import io.github.bigllama.core.forecast.Forecast;
import io.github.bigllama.core.forecast.Forecaster;
import io.github.bigllama.core.forecast.QuantizedForecast;
import io.github.bigllama.core.forecast.Speed;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.Weights;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What running a model will be like.
 *
 * @param model the name of its file
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
    private static final double[] SHARES = {1, 0.75, 0.5, 0.25};

    /**
     * @param ramPerModel bytes of RAM for weights, for each byte of the model
     * @param speed empty if that is too little
     */
    public record Share(double ramPerModel, Optional<Speed> speed) {}

    /** All that can be said of a model; the speeds of the machine may have to be measured. */
    public static PlanReport of(
            Forecaster forecaster, long ram, SessionOptions options, Bandwidths bandwidths) {
        Forecast forecast = forecaster.forecast(ram, options, bandwidths);
        List<Share> shares = new ArrayList<>();
        for (double share : SHARES) {
            shares.add(new Share(share, forecaster.speed(share, bandwidths)));
        }
        return new PlanReport(
                forecaster.files().first().file(),
                forecast,
                forecast.total(),
                shares,
                forecaster.quantized(forecast.ram(), options, bandwidths),
                forecaster.advice(options, forecast));
    }

    /** Whether it runs with the RAM there is, and how fast, in lines without an end. */
    public static List<String> brief(
            Forecaster forecaster, SessionOptions options, Bandwidths bandwidths) {
        Forecast forecast = forecaster.forecast(Forecaster.availableRam(), options, bandwidths);
        PlanReport report =
                new PlanReport(
                        forecaster.files().first().file(),
                        forecast,
                        forecast.total(),
                        List.of(),
                        List.of(),
                        List.of());
        return new PlanText(report).facts().lines();
    }

    /**
     * Bandwidths of this machine: those that are given, and of the others what is measured, with a
     * remark at a terminal, or was measured before.
     *
     * @param memory bytes per second of weights in RAM, or null
     * @param disk bytes per second, or null
     * @param again whether to measure again what was measured before
     */
    public static Bandwidths bandwidths(
            Forecaster forecaster, SessionOptions options, Long memory, Long disk, boolean again) {
        try (ProgressLine line = new ProgressLine(System.err)) {
            line.update("measuring how fast this machine computes and reads, for some seconds");
            Weights weights = forecaster.weights();
            double inMemory =
                    memory != null
                            ? memory
                            : Bandwidths.measureMemory(weights, options.threads(), again);
            return disk != null
                    ? Bandwidths.of(inMemory, disk)
                    : Bandwidths.withMeasuredDisk(
                            inMemory, weights, forecaster.files().first().path(), again);
        } catch (IOException e) {
            throw new CommandException(
                    ExitCode.FAILED,
                    "cannot measure the disk: "
                            + CommandException.reason(e)
                            + "; say how fast it is, for example --disk 3GB",
                    e);
        }
    }

    /** The report as people read it, in lines without an end. */
    public List<String> lines() {
        return new PlanText(this).lines();
    }
}
