package io.github.bigllama.cli.option;

import java.util.Collection;
import java.util.List;
import java.util.Locale;

/** Suggests names for one that does not exist. */
public final class Suggestion {
    private static final int NEAR = 2;

    private Suggestion() {}

    /** The names that are most similar to a wrong one, ignoring case; none if none is similar. */
    public static List<String> of(String name, Collection<String> all) {
        String upper = name.toUpperCase(Locale.ROOT);
        int least = all.stream().mapToInt(other -> distance(upper, other)).min().orElse(NEAR + 1);
        return least > Math.min(NEAR, Math.max(1, upper.length() / 3))
                ? List.of()
                : all.stream().filter(other -> distance(upper, other) == least).toList();
    }

    /** The Levenshtein distance: the number of letters to insert, delete and replace. */
    private static int distance(String a, String name) {
        String b = name.toUpperCase(Locale.ROOT);
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
