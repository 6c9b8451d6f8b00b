package io.github.bigllama.cli.output;

/** How far something is, and when it will be done if it goes on as it has begun. */
public final class Eta {
    /** Before this much of it is done the guess would be wild. */
    private static final double ENOUGH = 0.02;

    private final long start = System.nanoTime();

    /** For example {@code 40 %, 12 s left}. */
    public String text(double fraction) {
        String percent = "%d %%".formatted((int) (100 * fraction));
        if (fraction < ENOUGH || fraction >= 1) {
            return percent;
        }
        double left = (System.nanoTime() - start) / 1e9 * (1 - fraction) / fraction;
        return percent + ", " + duration(left) + " left";
    }

    private static String duration(double seconds) {
        long whole = Math.max(1, Math.round(seconds));
        return whole < 120 ? whole + " s" : whole / 60 + " min";
    }
}
