package io.github.bigllama.cli.output;

import io.github.bigllama.core.residency.ResidencyMap;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weights;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Draws which parts of which layers are in RAM: a line a layer, first used first. */
public final class ResidencyPicture {
    private static final int CELLS = 48;
    private static final double FULL = 0.97;
    private static final String SHADES = "·░▒▓█";

    private ResidencyPicture() {}

    /** The picture of this moment. */
    public static List<String> draw(Weights weights) throws IOException {
        ResidencyMap map = ResidencyMap.of(weights, CELLS);
        List<String> lines = new ArrayList<>();
        for (ResidencyMap.Layer layer : map.layers()) {
            StringBuilder bar = new StringBuilder();
            for (double share : layer.cells()) {
                // Only what is there as a whole is full, and only what is not there at all is
                // empty.
                int shade = share == 0 ? 0 : share > 0.999 ? 4 : 1 + (int) Math.min(2, share * 3);
                bar.append(SHADES.charAt(shade));
            }
            lines.add(
                    String.format(
                            Locale.ROOT,
                            "%-8s %s %3.0f %% of %s",
                            name(layer.number()),
                            bar,
                            layer.bytes() == 0 ? 0 : 100.0 * layer.resident() / layer.bytes(),
                            ByteSize.format(layer.bytes())));
        }
        lines.add(
                String.format(
                        Locale.ROOT,
                        "%s of %s in RAM, %.0f %%; █ all of a part, ▓▒░ some, · nothing",
                        ByteSize.format(map.resident()),
                        ByteSize.format(map.bytes()),
                        100.0 * map.resident() / Math.max(1, map.bytes())));
        return lines;
    }

    private static String name(int layer) {
        return switch (layer) {
            case Weight.BEFORE_LAYERS -> "input";
            case Weight.AFTER_LAYERS -> "output";
            default -> "layer " + layer;
        };
    }
}
