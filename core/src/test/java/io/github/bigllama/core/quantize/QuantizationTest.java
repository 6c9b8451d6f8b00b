package io.github.bigllama.core.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.LlamaRuntime;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.quantize.QuantizeOptions.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class QuantizationTest {
    private static final String PREFIX = "LLAMA_FTYPE_";

    @BeforeAll
    static void loadLlama() {
        LlamaRuntime.load();
    }

    private static String constant(Quantization type) {
        return switch (type) {
            case F32, COPY -> "LLAMA_FTYPE_ALL_F32";
            default -> "LLAMA_FTYPE_MOSTLY_" + type;
        };
    }

    @ParameterizedTest
    @EnumSource
    void aTypeIsTheOneThatLlamaNamesSo(Quantization type) throws ReflectiveOperationException {
        Method constant = llama_h.class.getMethod(constant(type));
        assertThat(type.value()).isEqualTo(constant.invoke(null));
        String name = llama_h.llama_ftype_name(type.value()).getString(0);
        assertThat(name.replaceAll("[^A-Z0-9_]", ""))
                .contains(
                        type == Quantization.COPY
                                ? "F32"
                                : type.name().replaceAll("_([LMS]|MOE)$", ""));
    }

    @Test
    void allThatLlamaCanMakeAreThere() {
        Set<String> ours =
                Stream.of(Quantization.values())
                        .map(QuantizationTest::constant)
                        .collect(Collectors.toSet());
        Set<String> llamas =
                Stream.of(llama_h.class.getMethods())
                        .map(Method::getName)
                        .filter(name -> name.startsWith(PREFIX))
                        .collect(Collectors.toSet());
        // llama_ftype_get_default_type has none for NVFP4; GUESSED is a flag.
        llamas.removeAll(Set.of("LLAMA_FTYPE_MOSTLY_NVFP4", "LLAMA_FTYPE_GUESSED"));
        assertThat(ours).isEqualTo(llamas);
    }

    @Test
    void namesAreFoundInAnyCase() {
        assertThat(Quantization.ofName("q4_k_m")).contains(Quantization.Q4_K_M);
        assertThat(Quantization.ofName("iq4_XS")).contains(Quantization.IQ4_XS);
        assertThat(Quantization.ofName("copy")).contains(Quantization.COPY);
        assertThat(Quantization.ofName("Q3_K")).contains(Quantization.Q3_K_M);
        assertThat(Quantization.ofName("q5_k")).contains(Quantization.Q5_K_M);
        assertThat(Quantization.ofName("IQ3")).isEmpty();
        assertThat(Quantization.ofName("Q9_0")).isEmpty();
        assertThat(Quantization.ofName("")).isEmpty();
    }

    /** Without those whose tables take seconds to make. */
    static Stream<GgmlType> tensorTypes() {
        Set<GgmlType> slow = Set.of(GgmlType.IQ1_S, GgmlType.IQ1_M, GgmlType.IQ2_S);
        return QuantizeOptions.TENSOR_TYPES.stream().filter(type -> !slow.contains(type));
    }

    /** For a type that it can't write, ggml_quantize_chunk would end this JVM. */
    @ParameterizedTest
    @MethodSource("tensorTypes")
    void aTensorTypeCanBeWritten(GgmlType type) {
        int columns = 256;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment weights = arena.allocate(ValueLayout.JAVA_FLOAT, columns);
            MemorySegment importance = arena.allocate(ValueLayout.JAVA_FLOAT, columns);
            importance.fill((byte) 0x3F);
            long size = (long) columns / type.blockSize() * type.typeSize();
            MemorySegment out = arena.allocate(size);
            assertThat(
                            llama_h.ggml_quantize_chunk(
                                    type.id(), weights, out, 0, 1, columns, importance))
                    .isEqualTo(size);
        }
    }

    @Test
    void optionsAreChecked() {
        QuantizeOptions options = QuantizeOptions.defaults();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> options.withThreads(-1))
                .withMessage("threads is -1, must be 0 (automatic) to 512");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> options.withBufferSize(5))
                .withMessageContaining("bufferSize is 5 bytes");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> options.withOutputTensorType(GgmlType.Q8_1))
                .withMessageContaining("outputTensorType is q8_1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> options.withTokenEmbeddingType(GgmlType.I32))
                .withMessageContaining("i32");
        assertThatIllegalArgumentException().isThrownBy(() -> new TensorType("", GgmlType.Q4_0));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new TensorType("attn", GgmlType.Q4_0_4_4));
    }

    @Test
    void aWitherChangesOneThing() {
        List<TensorType> types = List.of(new TensorType("attn_k", GgmlType.Q8_0));
        QuantizeOptions options =
                QuantizeOptions.defaults().withPure(true).withTensorTypes(types).withThreads(3);
        assertThat(options.pure()).isTrue();
        assertThat(options.tensorTypes()).isEqualTo(types);
        assertThat(options.threads()).isEqualTo(3);
        assertThat(options.withPure(false).withTensorTypes(List.of()).withThreads(0))
                .isEqualTo(QuantizeOptions.defaults());
    }
}
