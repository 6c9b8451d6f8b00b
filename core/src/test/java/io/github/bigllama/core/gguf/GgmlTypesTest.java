package io.github.bigllama.core.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.LlamaRuntime;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The table of types in Java equals that of the bound llama.cpp. */
class GgmlTypesTest {
    @BeforeAll
    static void load() {
        LlamaRuntime.load();
    }

    @ParameterizedTest
    @EnumSource
    void sizesAreThoseOfGgml(GgmlType type) {
        assertThat(llama_h.ggml_type_size(type.id())).isEqualTo(type.typeSize());
        if (!type.isRemoved()) {
            assertThat(llama_h.ggml_blck_size(type.id())).isEqualTo(type.blockSize());
            assertThat(llama_h.ggml_type_name(type.id()).getString(0)).isEqualTo(type.label());
        }
    }
}
