package io.github.bigllama.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.residency.ResidencyMap;
import io.github.bigllama.core.residency.Weight;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ResidencyPictureTest {
    /** So many layers, of which every other one is in RAM, and what is before and after them. */
    private static ResidencyMap map(int count) {
        List<ResidencyMap.Layer> layers = new ArrayList<>();
        layers.add(
                new ResidencyMap.Layer(
                        Weight.BEFORE_LAYERS, 10_000, 10_000, List.of(1.0, 1.0), List.of()));
        for (int i = 0; i < count; i++) {
            double share = i % 2;
            layers.add(
                    new ResidencyMap.Layer(
                            i, 100_000, 100_000 * (i % 2), List.of(share, share), List.of()));
        }
        layers.add(
                new ResidencyMap.Layer(
                        Weight.AFTER_LAYERS, 10_000, 0, List.of(0.0, 0.0), List.of()));
        return new ResidencyMap(layers);
    }

    @Test
    void aLineForEachLayerWhereThereIsRoom() {
        assertThat(ResidencyPicture.draw(map(2), 24))
                .startsWith(
                        "input   ██ 100 % of 10.0 kB",
                        "layer 0 ··   0 % of 0.1 MB",
                        "layer 1 ██ 100 % of 0.1 MB",
                        "output  ··   0 % of 10.0 kB");
    }

    @Test
    void layersShareALineWhereThereIsNot() {
        assertThat(ResidencyPicture.draw(map(4), 5))
                .startsWith(
                        "input      ██ 100 % of 10.0 kB",
                        "layers 0–1 ▒▒  50 % of 0.2 MB",
                        "layers 2–3 ▒▒  50 % of 0.2 MB",
                        "output     ··   0 % of 10.0 kB");
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 5, 10, 23, 49, 200})
    void fitsTheScreen(int rows) {
        assertThat(ResidencyPicture.draw(map(126), rows)).hasSizeLessThanOrEqualTo(rows);
    }
}
