package io.github.bigllama.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TableTest {
    @Test
    void columnsAreAligned() {
        assertThat(new Table("lr").row("name", "1").row("longer name", "100").lines())
                .containsExactly("name           1", "longer name  100");
    }

    @Test
    void aRowIsALineWhateverIsInACell() {
        assertThat(new Table("ll").row("two\nlines", "a\tb").row("\u001b[2J", "x").lines())
                .containsExactly("two lines  a b", "\\x1B[2J    x");
    }
}
