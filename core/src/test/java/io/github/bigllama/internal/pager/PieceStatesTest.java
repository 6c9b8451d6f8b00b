package io.github.bigllama.internal.pager;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.internal.pieces.PieceMap;
import io.github.bigllama.testing.Models;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PieceStatesTest {
    @TempDir Path folder;

    private PieceStates states;
    private int[] pieces;

    /** Four pieces of a size, and a window for two of them. */
    @BeforeEach
    void open() throws IOException {
        PieceMap map = new PieceMap(Models.weights(Models.dense(folder)));
        states = new PieceStates(map);
        pieces =
                IntStream.range(0, map.count())
                        .filter(piece -> map.length(piece) == PieceMap.CUT)
                        .limit(4)
                        .toArray();
        states.window(2 * PieceMap.CUT);
    }

    /** What is in a slot that the next may take is counted neither there nor when it goes. */
    @Test
    void aSlotThatIsTakenOverLeavesTheWindowAsItWas() {
        for (int i = 0; i < 3; i++) {
            states.reading(pieces[0]);
            states.read(pieces[0]);
            states.idle(pieces[0]);
            states.dropping(pieces[0]);
            states.reading(pieces[1]);
            states.dropped(pieces[0]);
            states.read(pieces[1]);
            assertThat(states.hasRoom(pieces[2])).isTrue();
            states.reading(pieces[2]);
            assertThat(states.hasRoom(pieces[3])).isFalse();
            states.failed(pieces[2]);
            states.dropping(pieces[1]);
            states.dropped(pieces[1]);
        }
        assertThat(states.presentBytes()).isZero();
    }

    @Test
    void whatIsKeptIsNotInTheWindow() {
        states.reading(pieces[0]);
        states.reading(pieces[1]);
        assertThat(states.hasRoom(pieces[2])).isFalse();
        states.pin(pieces[0]);
        assertThat(states.hasRoom(pieces[2])).isTrue();
        states.read(pieces[0]);
        states.unpin(pieces[0]);
        assertThat(states.hasRoom(pieces[2])).isFalse();
    }
}
