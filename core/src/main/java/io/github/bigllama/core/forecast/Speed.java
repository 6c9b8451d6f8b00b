package io.github.bigllama.core.forecast;

/**
 * How long a token takes whose weights are partly in RAM, in seconds.
 *
 * <p>With A bytes of weights that a token uses, S of them on disk, and the bandwidths of memory and
 * disk, computing takes A / memory and reading S / disk. At best one hides behind the other, at
 * worst they follow each other; and a bandwidth that was measured for two seconds is not known
 * better than {@link #UNCERTAINTY}.
 *
 * @param best the larger of both, less the uncertainty
 * @param expected what has been measured to be likely
 * @param worst the sum of both, with the uncertainty
 * @param computing seconds of computing
 * @param reading seconds of reading
 * @param bytesRead bytes read from disk for a token
 */
public record Speed(
        double best,
        double expected,
        double worst,
        double computing,
        double reading,
        long bytesRead) {
    /**
     * So much of the shorter of both does not hide behind the longer: readers take time on the
     * cores, and the first and the last piece of what a layer needs are waited for. As {@code
     * scripts/check-forecast} finds it on two cores.
     */
    static final double NOT_HIDDEN = 0.3;

    /** By how much the same probe differs within minutes on a machine that others use too. */
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

    /** The expected tokens a second. */
    public double tokensPerSecond() {
        return 1 / expected;
    }

    /** Tokens a second at worst. */
    public double leastTokensPerSecond() {
        return 1 / worst;
    }

    /** Tokens a second at best. */
    public double mostTokensPerSecond() {
        return 1 / best;
    }
}
