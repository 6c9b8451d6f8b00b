package io.github.bigllama.core.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.testing.RawGguf;
import io.github.bigllama.testing.TestModels;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufTest {
    @TempDir Path dir;

    @Test
    void readsTheDemoModel() throws IOException {
        Gguf gguf = Gguf.read(TestModels.DEMO);

        assertThat(gguf.version()).isEqualTo(3);
        assertThat(gguf.alignment()).isEqualTo(32);
        assertThat(gguf.architecture()).contains("llama");
        assertThat(gguf.fileSize()).isEqualTo(Files.size(TestModels.DEMO));
        assertThat(gguf.dataOffset()).isEqualTo(30_112);
        assertThat(gguf.metadata().asMap()).hasSize(28);
        assertThat(gguf.metadata().integer("llama.block_count")).hasValue(4);
        assertThat(gguf.metadata().real("llama.rope.freq_base")).hasValue(10_000);
        assertThat(gguf.metadata().bool("tokenizer.ggml.add_bos_token")).contains(false);
        assertThat(gguf.metadata().string("tokenizer.chat_template").orElseThrow())
                .contains("<|im_start|>");

        assertThat(gguf.tensors()).hasSize(38);
        TensorInfo embedding = gguf.tensor("token_embd.weight").orElseThrow();
        assertThat(embedding)
                .isEqualTo(
                        new TensorInfo(
                                "token_embd.weight",
                                GgmlType.Q8_0,
                                List.of(256L, 1024L),
                                1024,
                                1024 * 256 / 32 * 34));
        assertThat(embedding.ne(1)).isEqualTo(1024);
        assertThat(embedding.ne(3)).isEqualTo(1);
        assertThat(embedding.elements()).isEqualTo(256 * 1024);
        TensorInfo last = gguf.tensors().getLast();
        assertThat(gguf.dataOffset() + last.offset() + last.size()).isEqualTo(gguf.fileSize());
    }

    @Test
    void keepsTheVocabularyAsItIs() {
        GgufMetadata metadata = Gguf.read(TestModels.DEMO).metadata();
        GgufArray tokens = metadata.array("tokenizer.ggml.tokens").orElseThrow();

        assertThat(tokens.elementType()).isEqualTo(GgufValueType.STRING);
        assertThat(tokens.size()).isEqualTo(1024);
        assertThat(tokens.strings()).contains("<|im_end|>").hasSize(1024);
        assertThat(tokens.bytes(1023))
                .isEqualTo(tokens.string(1023).getBytes(StandardCharsets.UTF_8));
        assertThat(tokens).hasToString("arr[str,1024]");
        assertThat(metadata.array("tokenizer.ggml.token_type").orElseThrow().integer(1023))
                .isEqualTo(3);
    }

    @Test
    void theTestsOwnWriterWritesTheSameBytes() throws IOException {
        assertThat(RawGguf.copyOf(TestModels.DEMO).bytes())
                .isEqualTo(Files.readAllBytes(TestModels.DEMO));
    }

    @Test
    void readsEveryTypeOfValueInBothByteOrders() throws IOException {
        readsEveryTypeOfValue(ByteOrder.LITTLE_ENDIAN);
        readsEveryTypeOfValue(ByteOrder.BIG_ENDIAN);
    }

    private void readsEveryTypeOfValue(ByteOrder order) throws IOException {
        RawGguf writer = TestModels.small(order);
        RawGguf.Out nested =
                new RawGguf.Out(order)
                        .i32(GgufValueType.ARRAY.id())
                        .i64(2)
                        .i32(GgufValueType.UINT8.id())
                        .i64(2)
                        .raw(new byte[] {1, -1})
                        .i32(GgufValueType.STRING.id())
                        .i64(1)
                        .text("🦙");
        writer.put("u8", new GgufValue.Int(GgufValueType.UINT8, 255))
                .put("i8", new GgufValue.Int(GgufValueType.INT8, -128))
                .put("u16", new GgufValue.Int(GgufValueType.UINT16, 65_535))
                .put("i16", new GgufValue.Int(GgufValueType.INT16, -32_768))
                .put("u32", new GgufValue.Int(GgufValueType.UINT32, 4_294_967_295L))
                .put("i32", new GgufValue.Int(GgufValueType.INT32, -1))
                .put("u64", new GgufValue.Int(GgufValueType.UINT64, -1))
                .put("i64", new GgufValue.Int(GgufValueType.INT64, Long.MIN_VALUE))
                .put("f32", new GgufValue.Real(GgufValueType.FLOAT32, 0.5))
                .put("f64", new GgufValue.Real(GgufValueType.FLOAT64, 0.1))
                .put("bool", new GgufValue.Bool(true))
                .put("text", new GgufValue.Text("Reykjavík"))
                .raw("nested", GgufValueType.ARRAY.id(), nested.bytes());
        Path file = writer.write(dir.resolve("values.gguf"));
        assertThat(Gguf.read(file).byteOrder()).isEqualTo(order);
        assertThat(Gguf.read(file).version()).isEqualTo(3);
        assertThat(Gguf.read(file).tensor("output_norm.weight").orElseThrow().ne(0)).isEqualTo(64);
        GgufMetadata read = Gguf.read(file).metadata();

        assertThat(read.integer("u8")).hasValue(255);
        assertThat(read.integer("i8")).hasValue(-128);
        assertThat(read.integer("u16")).hasValue(65_535);
        assertThat(read.integer("i16")).hasValue(-32_768);
        assertThat(read.integer("u32")).hasValue(4_294_967_295L);
        assertThat(read.integer("i32")).hasValue(-1);
        assertThat(read.integer("i64")).hasValue(Long.MIN_VALUE);
        assertThat(read.find("u64").orElseThrow()).hasToString("18446744073709551615");
        assertThat(read.real("f32")).hasValue(0.5);
        assertThat(read.real("f64")).hasValue(0.1);
        assertThat(read.bool("bool")).contains(true);
        assertThat(read.string("text")).contains("Reykjavík");
        GgufArray outer = read.array("nested").orElseThrow();
        assertThat(outer.array(0).integer(1)).isEqualTo(255);
        assertThat(outer.array(1).string(0)).isEqualTo("🦙");
        assertThat(read.asMap().keySet()).startsWith("general.architecture", "u8", "i8");
    }

    @Test
    void aMissingKeyIsEmptyAndAWrongTypeAnError() {
        GgufMetadata metadata = Gguf.read(TestModels.DEMO).metadata();

        assertThat(metadata.string("no.such.key")).isEmpty();
        assertThat(metadata.integer("no.such.key")).isEmpty();
        assertThat(metadata.real("no.such.key")).isEmpty();
        assertThat(metadata.bool("no.such.key")).isEmpty();
        assertThat(metadata.array("no.such.key")).isEmpty();
        TestModels.assertRefused(
                Problem.DAMAGED,
                () -> metadata.integer("general.name"),
                "'general.name'",
                "str bigllama demo",
                "an integer");
        TestModels.assertRefused(
                Problem.DAMAGED,
                () -> metadata.string("tokenizer.ggml.tokens"),
                "arr[str,1024]",
                "a string");
        GgufArray tokens = metadata.array("tokenizer.ggml.tokens").orElseThrow();
        assertThatThrownBy(() -> tokens.integer(0)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> tokens.string(1024)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void readsVersionTwoAndOtherAlignments() throws IOException {
        RawGguf writer = TestModels.small().u32("general.alignment", 4096);
        writer.alignment = 4096;
        writer.version = 2;
        Gguf gguf = Gguf.read(writer.write(dir.resolve("v2.gguf")));

        assertThat(gguf.version()).isEqualTo(2);
        assertThat(gguf.alignment()).isEqualTo(4096);
        assertThat(gguf.dataOffset()).isEqualTo(4096);
    }

    @Test
    void readsFilesWithoutTensorsAndWithoutTheLastPadding() throws IOException {
        RawGguf vocabulary = new RawGguf().text("general.architecture", "llama");
        assertThat(Gguf.read(vocabulary.write(dir.resolve("vocab.gguf"))).tensors()).isEmpty();

        RawGguf odd = TestModels.small().tensor("odd", GgmlType.I8, 3L);
        byte[] bytes = odd.bytes();
        Path unpadded = dir.resolve("unpadded.gguf");
        Files.write(unpadded, Arrays.copyOf(bytes, bytes.length - 29));
        assertThat(Gguf.read(unpadded).tensors()).hasSize(2);
    }

    @Test
    void anArrayOfIntegersHasItsElements() {
        assertThat(GgufArray.of(GgufValueType.INT8, -1, 5).integers()).containsExactly(-1L, 5L);
        assertThat(GgufArray.of(GgufValueType.UINT32, 4_000_000_000L).integer(0))
                .isEqualTo(4_000_000_000L);
        assertThatThrownBy(() -> GgufArray.of(GgufValueType.UINT16, 70_000))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("70000 is out of the range of UINT16");
        assertThatThrownBy(() -> GgufArray.of(GgufValueType.BOOL, 1))
                .hasMessageContaining("BOOL is not a type of integers");
    }
}
