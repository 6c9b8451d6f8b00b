package io.github.bigllama.cli.output;

import java.util.Locale;

/**
 * The progress of a task, and the time left if it continues at the same speed; work done before the
 * start does not count for the speed.
 */
public final class Eta {
    /** The part that must be done before the time left can be estimated. */
    private static final double ENOUGH = 0.02;

    private final long start = System.nanoTime();
    private double first = -1;

    /** For example {@code 40 %, 12 s left}. */
    public String text(double fraction) {
        first = first < 0 ? fraction : first;
        String percent = String.format(Locale.ROOT, "%d %%", (int) (100 * fraction));
        if (fraction < ENOUGH || fraction <= first || fraction >= 1) {
            return percent;
        }
        double left = (System.nanoTime() - start) / 1e9 * (1 - fraction) / (fraction - first);
        return percent + ", " + duration(left) + " left";
    }

    /** Seconds in words: {@code 87 s}, {@code 12 min}, {@code 3 h 20 min}, {@code 2 days}. */
    public static String duration(double seconds) {
        long whole = (long) Math.min(1e9, Math.max(1, Math.round(seconds)));
        if (whole < 120) {
            return whole + " s";
        }
        long minutes = Math.round(whole / 60.0);
        if (minutes < 120) {
            return minutes + " min";
        }
        long hours = minutes / 60;
        return hours < 48
                ? hours + " h" + (minutes % 60 == 0 ? "" : " " + minutes % 60 + " min")
                : hours / 24 + " days";
    }
}
