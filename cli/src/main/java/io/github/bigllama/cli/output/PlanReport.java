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
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A report of how a model will run.
 *
 * @param model the name of the model's file
 * @param forecast the forecast for the available RAM
 * @param inUse bytes of RAM that the process will take
 * @param byRam the speeds for several amounts of RAM for weights
 * @param byPass the speeds with the available RAM if a pass over the weights computes several
 *     tokens
 * @param byQuantization the model in other quantizations, with the available RAM
 * @param advice changes that would help
 */
public record PlanReport(
        String model,
        Forecast forecast,
        long inUse,
        List<Share> byRam,
        List<Pass> byPass,
        List<QuantizedForecast> byQuantization,
        List<Advice> advice) {
    private static final double[] SHARES = {1, 0.75, 0.5, 0.25};
    private static final int[] TOKENS_PER_PASS = {1, 2, 4, 8, 16};

    /**
     * @param ramPerModel RAM for weights divided by the size of the model
     * @param speed the speed; empty if that is too little RAM
     */
    public record Share(double ramPerModel, Optional<Speed> speed) {}

    /**
     * @param tokens tokens that a pass computes, of as many conversations or of drafts that are
     *     right
     * @param tokensPerSecond of all conversations together
     */
    public record Pass(int tokens, double tokensPerSecond) {}

    /** The full report on a model; may have to measure the bandwidths of the machine. */
    public static PlanReport of(
            Forecaster forecaster, long ram, SessionOptions options, Bandwidths bandwidths) {
        Forecast forecast = forecaster.forecast(ram, options, bandwidths);
        List<Share> shares = new ArrayList<>();
        for (double share : SHARES) {
            shares.add(new Share(share, forecaster.speed(share, bandwidths)));
        }
        List<Pass> passes = new ArrayList<>();
        for (int tokens : TOKENS_PER_PASS) {
            forecaster
                    .tokensPerSecond(forecast, tokens)
                    .ifPresent(speed -> passes.add(new Pass(tokens, speed)));
        }
        return new PlanReport(
                forecaster.files().first().file(),
                forecast,
                forecast.total(),
                shares,
                passes,
                forecaster.quantized(forecast.ram(), options, bandwidths),
                forecaster.advice(options, forecast));
    }

    /** Whether and how fast a model runs with the available RAM, in lines without line ends. */
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
                        List.of(),
                        List.of());
        return new PlanText(report).facts().lines();
    }

    /**
     * Bandwidths of this machine. Those that are not given are measured, with a remark at a
     * terminal, unless they have been before.
     *
     * @param memory bytes of weights in RAM per second, or null
     * @param disk bytes per second, or null
     * @param again whether to repeat earlier measurements
     */
    public static Bandwidths bandwidths(
            Forecaster forecaster, SessionOptions options, Long memory, Long disk, boolean again) {
        try (ProgressLine line = new ProgressLine(System.err)) {
            line.update("measuring for a few seconds how fast this machine computes and reads");
            Weights weights = forecaster.weights();
            double inMemory =
                    memory != null
                            ? memory
                            : Bandwidths.measureMemory(weights, options.threads(), again);
            Bandwidths bandwidths =
                    disk != null
                            ? Bandwidths.of(inMemory, disk)
                            : measureDisk(inMemory, forecaster, again);
            // A bandwidth that was given is that of another machine, or an assumption.
            return memory != null
                    ? bandwidths
                    : bandwidths.withStep(Bandwidths.measureStep(options.threads(), again));
        } catch (IOException e) {
            throw new CommandException(
                    ExitCode.FAILED,
                    "cannot measure the disk: "
                            + CommandException.reason(e)
                            + "; give its speed, for example --disk 3GB",
                    e);
        }
    }

    /** Measures the disk of the model; if it is not on this machine, that of the user's cache. */
    private static Bandwidths measureDisk(double memory, Forecaster forecaster, boolean again)
            throws IOException {
        Weights weights = forecaster.weights();
        Path file = forecaster.files().first().path().orElse(null);
        return file == null
                ? Bandwidths.withMeasuredDisk(memory, weights, again)
                : Bandwidths.withMeasuredDisk(memory, weights, file, again);
    }

    /** The report for people, in lines without line ends. */
    public List<String> lines() {
        return new PlanText(this).lines();
    }
}
