package io.github.bigllama.internal.text;

import java.util.List;

/**
 * Finds stop strings in a text that arrives in pieces. Text that may be the beginning of a stop
 * string is held back until that is known.
 */
final class StopStrings {
    private final List<String> stops;
    private final StringBuilder held = new StringBuilder();
    private boolean found;

    StopStrings(List<String> stops) {
        this.stops = stops;
    }

    /** Appends a piece and returns the text that is now certain to be before any stop string. */
    String append(String piece) {
        if (stops.isEmpty()) {
            return piece;
        }
        held.append(piece);
        int stop = firstStop();
        if (stop >= 0) {
            found = true;
            held.setLength(stop);
            return flush();
        }
        int safe = held.length() - longestBeginning();
        String text = held.substring(0, safe);
        held.delete(0, safe);
        return text;
    }

    /** Returns the text held back, at the end of the text. */
    String flush() {
        String text = held.toString();
        held.setLength(0);
        return text;
    }

    /** Whether a stop string has appeared. */
    boolean found() {
        return found;
    }

    private int firstStop() {
        int first = -1;
        for (String stop : stops) {
            int at = held.indexOf(stop);
            if (at >= 0 && (first < 0 || at < first)) {
                first = at;
            }
        }
        return first;
    }

    /** Length of the longest suffix of the text that is a prefix of a stop string. */
    private int longestBeginning() {
        int longest = 0;
        for (String stop : stops) {
            for (int n = Math.min(stop.length() - 1, held.length()); n > longest; n--) {
                if (stop.startsWith(held.substring(held.length() - n))) {
                    longest = n;
                }
            }
        }
        return longest;
    }
}
