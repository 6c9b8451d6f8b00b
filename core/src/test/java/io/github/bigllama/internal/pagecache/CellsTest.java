package io.github.bigllama.internal.pagecache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class CellsTest {
    /** Pages begin and end anywhere in a cell. */
    @Test
    void whatIsWhollyInMemoryIsFull() {
        Cells cells = new Cells(800_000, 48);
        for (long from = 0; from < 800_000; from += 4096) {
            cells.add(from, Math.min(4096, 800_000 - from));
        }
        assertThat(cells.sum()).isEqualTo(800_000);
        assertThat(cells.shares()).hasSize(48).allSatisfy(s -> assertThat(s).isGreaterThan(0.999));
    }

    @Test
    void bytesAreInTheirCells() {
        Cells cells = new Cells(1000, 4);
        cells.add(200, 100);
        assertThat(cells.shares().get(0)).isCloseTo(0.2, within(1e-9));
        assertThat(cells.shares().get(1)).isCloseTo(0.2, within(1e-9));
        assertThat(cells.shares().subList(2, 4)).containsExactly(0.0, 0.0);
    }

    @Test
    void nothingHasNoBytes() {
        assertThat(new Cells(0, 2).shares()).containsExactly(0.0, 0.0);
    }
}
