package io.github.bigllama.cli.output;

import io.github.bigllama.core.residency.ResidencyMap;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weights;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Draws which parts of which layers are in RAM: one line per layer, in the order of use. */
public final class ResidencyPicture {
    private static final int CELLS = 48;
    private static final double FULL = 0.97;
    private static final String SHADES = "·░▒▓█";

    private ResidencyPicture() {}

    /** The picture of this moment, one line per layer. */
    public static List<String> draw(Weights weights) throws IOException {
        return draw(weights, Integer.MAX_VALUE);
    }

    /** The picture of this moment; where there are too many layers, some share a line. */
    public static List<String> draw(Weights weights, int mostLines) throws IOException {
        return draw(ResidencyMap.of(weights, CELLS), mostLines);
    }

    static List<String> draw(ResidencyMap map, int mostLines) {
        List<List<ResidencyMap.Layer>> groups = groups(map.layers(), mostLines - 1);
        int width = groups.stream().mapToInt(group -> name(group).length()).max().orElse(0);
        List<String> lines = new ArrayList<>();
        for (List<ResidencyMap.Layer> group : groups) {
            long bytes = group.stream().mapToLong(ResidencyMap.Layer::bytes).sum();
            long resident = group.stream().mapToLong(ResidencyMap.Layer::resident).sum();
            lines.add(
                    String.format(
                            Locale.ROOT,
                            "%-" + width + "s %s %3.0f %% of %s",
                            name(group),
                            bar(group),
                            bytes == 0 ? 0 : 100.0 * resident / bytes,
                            ByteSize.format(bytes)));
        }
        lines.add(
                String.format(
                        Locale.ROOT,
                        "%s of %s in RAM, %.0f %%; of each part: █ all, ▓▒░ some, · nothing",
                        ByteSize.format(map.resident()),
                        ByteSize.format(map.bytes()),
                        100.0 * map.resident() / Math.max(1, map.bytes())));
        return lines;
    }

    /** Groups of adjacent layers; the weights before and after all layers are never in a group. */
    private static List<List<ResidencyMap.Layer>> groups(
            List<ResidencyMap.Layer> layers, int most) {
        int numbered = (int) layers.stream().filter(layer -> isNumbered(layer)).count();
        int room = Math.max(1, most - (layers.size() - numbered));
        int size = (int) Math.max(1, ((long) numbered + room - 1) / room);
        List<List<ResidencyMap.Layer>> groups = new ArrayList<>();
        for (ResidencyMap.Layer layer : layers) {
            List<ResidencyMap.Layer> last = groups.isEmpty() ? List.of() : groups.getLast();
            if (isNumbered(layer)
                    && !last.isEmpty()
                    && isNumbered(last.getFirst())
                    && last.size() < size) {
                last.add(layer);
            } else {
                groups.add(new ArrayList<>(List.of(layer)));
            }
        }
        return groups;
    }

    private static boolean isNumbered(ResidencyMap.Layer layer) {
        return layer.number() != Weight.BEFORE_LAYERS && layer.number() != Weight.AFTER_LAYERS;
    }

    private static String bar(List<ResidencyMap.Layer> group) {
        StringBuilder bar = new StringBuilder();
        for (int i = 0; i < group.getFirst().cells().size(); i++) {
            int cell = i;
            double share =
                    group.stream()
                            .mapToDouble(layer -> layer.cells().get(cell))
                            .average()
                            .orElse(0);
            // Only parts that are completely in RAM are drawn full, and only parts without any page
            // in RAM empty.
            int shade = share == 0 ? 0 : share > 0.999 ? 4 : 1 + (int) Math.min(2, share * 3);
            bar.append(SHADES.charAt(shade));
        }
        return bar.toString();
    }

    private static String name(List<ResidencyMap.Layer> group) {
        return group.size() == 1
                ? name(group.getFirst().number())
                : String.format(
                        Locale.ROOT,
                        "layers %d–%d",
                        group.getFirst().number(),
                        group.getLast().number());
    }

    private static String name(int layer) {
        return switch (layer) {
            case Weight.BEFORE_LAYERS -> "input";
            case Weight.AFTER_LAYERS -> "output";
            default -> "layer " + layer;
        };
    }
}
