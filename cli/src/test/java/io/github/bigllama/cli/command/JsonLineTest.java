package io.github.bigllama.cli.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.bigllama.cli.process.CommandException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Lines of JSON: what is kept of them, and what is said of wrong ones. */
class JsonLineTest {
    private static JsonNode parse(String line) {
        return JsonLine.parse(
                line,
                (column, reason) -> CommandException.usage("line 1" + column + ": " + reason));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"a\":1e400}",
                "{\"a\":0.12345678901234567890123456789}",
                "{\"a\":1E5}",
                "{\"a\":1.50}",
                "{\"a\":-0}",
                "{\"a\":-0.0e-0}",
                "{\"a\":1e999999999,\"b\":-1E-999999999}",
                "{\"a\":123456789012345678901234567890}",
                "{\"a\":[1.0,{\"b\":[true,false,null,\"x\\ty\",[]]}]}",
                "{}",
                "\"\uD83D\uDE00 \u00e9\"",
            })
    void whatIsWrittenIsKept(String line) {
        assertThat(parse(line)).hasToString(line);
        assertThat(parse(line)).isEqualTo(parse(" " + line + " "));
    }

    @Test
    void numbersMayBeLong() {
        String line = "{\"a\":" + "9".repeat(200_000) + ".5e7}";
        assertThat(parse(line)).hasToString(line);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"a\" \"b\"         | line 1, column 5: there is more than one value in it",
                "{\"a\":1} 7         | line 1, column 9: there is more than one value in it",
                "{\"a\":1,\"a\":2}   | line 1, column 8: it has the key \"a\" twice",
                "{\"b\":{\"a\":1,\"a\":2}} | line 1, column 13: it has the key \"a\" twice",
                "7                  | line 1: it is a number",
                "1e400              | line 1: it is a number",
                "[1]                | line 1: it is an array",
                "true               | line 1: it is true",
                "null               | line 1: it is null",
                "\"a                 | line 1, column 3: it is not JSON: it ends too early",
                "{\"a\": [1          | line 1, column 9: it is not JSON: it ends too early",
                "{\"a\": 1,}         | line 1, column 9: it is not JSON from here on",
                "NaN                | line 1, column 4: it is not JSON from here on",
                "{\"a\": 01}         | line 1, column 8: it is not JSON from here on",
                "{\"a\": [1}         | line 1, column 9: it is not JSON from here on",
                "hello              | line 1, column 1: it is not JSON from here on",
                "\"\\ud800\"         | line 1, column 1: a \\u escape in it is half of a pair, "
                        + "which is no character",
                "{\"x\":\"a\\udc00b\"} | line 1, column 6: a \\u escape in it is half of a pair, "
                        + "which is no character",
                "{\"\\ud800\":1}     | line 1, column 2: a \\u escape in it is half of a pair, "
                        + "which is no character",
            })
    void whatIsWrongIsSaidPlainly(String line, String message) {
        assertThatThrownBy(() -> parse(line))
                .isInstanceOf(CommandException.class)
                .hasMessage(message);
    }

    @ParameterizedTest
    @ValueSource(ints = {1001, 100_000})
    void noLineIsTooDeep(int depth) {
        assertThatThrownBy(() -> parse("{\"a\":" + "[".repeat(depth) + "]".repeat(depth) + "}"))
                .hasMessage("line 1: it has more than 1000 arrays and objects in each other");
        String deepest = "{\"a\":" + "[".repeat(999) + "]".repeat(999) + "}";
        assertThat(parse(deepest)).hasToString(deepest);
    }
}
