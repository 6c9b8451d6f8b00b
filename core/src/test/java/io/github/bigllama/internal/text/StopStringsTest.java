package io.github.bigllama.internal.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class StopStringsTest {
    @Test
    void findsAStopStringThatSpansPieces() {
        StopStrings stops = new StopStrings(List.of("</end>"));
        assertThat(stops.append("Hello <")).isEqualTo("Hello ");
        assertThat(stops.append("/e")).isEmpty();
        assertThat(stops.append("nd> more")).isEmpty();
        assertThat(stops.found()).isTrue();
    }

    @Test
    void letsGoOfWhatOnlyLookedLikeABeginning() {
        StopStrings stops = new StopStrings(List.of("abcd"));
        assertThat(stops.append("xab")).isEqualTo("x");
        assertThat(stops.append("cx")).isEqualTo("abcx");
        assertThat(stops.found()).isFalse();
    }

    @Test
    void aBeginningInsideABeginningIsKept() {
        StopStrings stops = new StopStrings(List.of("aab"));
        assertThat(stops.append("aa")).isEmpty();
        assertThat(stops.append("a")).isEqualTo("a");
        assertThat(stops.append("b")).isEmpty();
        assertThat(stops.found()).isTrue();
    }

    @Test
    void theFirstStopStringInTheTextWins() {
        StopStrings stops = new StopStrings(List.of("three", "two"));
        assertThat(stops.append("one two three")).isEqualTo("one ");
        assertThat(stops.found()).isTrue();
    }

    @Test
    void whatWasHeldBackComesAtTheEnd() {
        StopStrings stops = new StopStrings(List.of("abc"));
        assertThat(stops.append("ab")).isEmpty();
        assertThat(stops.flush()).isEqualTo("ab");
    }
}
