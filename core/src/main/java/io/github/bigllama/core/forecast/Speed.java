package io.github.bigllama.core.forecast;

/**
 * How long a token takes, in seconds, if its weights are only partly in RAM.
 *
 * <p>With A bytes of weights that a token uses, S of them on disk, and the bandwidths of memory and
 * disk, computing takes A / memory and reading S / disk. At best the shorter hides behind the
 * longer, at worst one follows the other; and a bandwidth that was measured for two seconds is only
 * known to within {@link #UNCERTAINTY}.
 *
 * @param best the longer of the two, less the uncertainty
 * @param expected the longer of the two plus {@link #NOT_HIDDEN} of the shorter
 * @param worst the sum of the two, plus the uncertainty
 * @param computing seconds spent computing
 * @param reading seconds spent reading
 * @param bytesRead bytes read from disk per token
 */
public record Speed(
        double best,
        double expected,
        double worst,
        double computing,
        double reading,
        long bytesRead) {
    /**
     * The share of the shorter that does not hide behind the longer: readers take time on the
     * cores, and a layer waits for the first and the last piece of its weights. Measured by {@code
     * scripts/check-forecast} on two cores.
     */
    static final double NOT_HIDDEN = 0.5;

    /** By how much the same measurement varies within minutes on a shared machine. */
    static final double UNCERTAINTY = 0.2;

    static Speed of(double computing, double reading, long bytesRead) {
        double longer = Math.max(computing, reading);
        double shorter = Math.min(computing, reading);
        return new Speed(
                longer / (1 + UNCERTAINTY),
                longer + NOT_HIDDEN * shorter,
                (longer + shorter) * (1 + UNCERTAINTY),
                computing,
                reading,
                bytesRead);
    }

    /** The expected tokens per second. */
    public double tokensPerSecond() {
        return 1 / expected;
    }

    /** Tokens per second at worst. */
    public double leastTokensPerSecond() {
        return 1 / worst;
    }

    /** Tokens per second at best. */
    public double mostTokensPerSecond() {
        return 1 / best;
    }
}
