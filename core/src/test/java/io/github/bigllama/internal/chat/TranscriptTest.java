package io.github.bigllama.internal.chat;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.Tokenizer;
import io.github.bigllama.testing.DemoModel;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where the tokens of a conversation end in its text. */
class TranscriptTest {
    private static LlamaModel model;

    @BeforeAll
    static void load() {
        model = DemoModel.load();
    }

    @AfterAll
    static void close() {
        model.close();
    }

    /** Models with much to say choose such tokens, too. */
    @ParameterizedTest
    @ValueSource(strings = {"F0", "FF", "80", "C3", "F09F", "F09F9880", "E280F0", "C3A9"})
    void bytesThatAreNoCharactersKeepTheirTokens(String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex);
        Tokenizer tokenizer = model.tokenizer();
        int[] control = tokenizer.encode("<|im_end|>", false, true);
        assertThat(control).hasSize(1);
        int[] said = IntStream.range(0, bytes.length).map(i -> token(bytes[i])).toArray();
        int[] kept = concat(control, said, said, tokenizer.encode("a", false, false), control);
        int[] last = tokenizer.encode("b", false, false);
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        Arrays.stream(kept).forEach(token -> written.writeBytes(tokenizer.bytes(token, true)));
        String text = written.toString(StandardCharsets.UTF_8);
        Transcript transcript = new Transcript(new ControlText(tokenizer, true));
        transcript.set(text + "b", concat(kept, last));

        assertThat(transcript.encode(text + "c"))
                .containsExactly(concat(kept, tokenizer.encode("c", false, false)));
    }

    private static int token(byte single) {
        Tokenizer tokenizer = model.tokenizer();
        return IntStream.range(0, tokenizer.size())
                .filter(token -> Arrays.equals(tokenizer.bytes(token, true), new byte[] {single}))
                .findFirst()
                .orElseThrow();
    }

    private static int[] concat(int[]... parts) {
        return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
    }
}
