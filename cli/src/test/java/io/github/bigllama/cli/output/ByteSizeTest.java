package io.github.bigllama.cli.output;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class ByteSizeTest {
    private final ByteSize size = new ByteSize();

    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "123456, 123456",
        "12G, 12000000000",
        "12g, 12000000000",
        "12GB, 12000000000",
        "12 GB, 12000000000",
        "1.5G, 1500000000",
        "1.5GiB, 1610612736",
        "600M, 600000000",
        "64Ki, 65536",
        "2T, 2000000000000",
        "100B, 100"
    })
    void isWhatPeopleWrite(String text, long bytes) {
        assertThat(size.convert(text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "G", "12X", "-1G", "1,5G", "12iB", "9999999999T", "1e9", "twelve"})
    void whatIsNoneSaysSo(String text) {
        assertThatThrownBy(() -> size.convert(text))
                .isInstanceOf(TypeConversionException.class)
                .hasMessageStartingWith("'" + text + "' is ");
    }
}
