package io.github.bigllama.core.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class GgmlTypeTest {
    @Test
    void idsAreThePositions() {
        for (GgmlType type : GgmlType.values()) {
            assertThat(type.id()).isEqualTo(type.ordinal());
            assertThat(GgmlType.ofId(type.id())).contains(type);
        }
        assertThat(GgmlType.values()).hasSize(43);
        assertThat(GgmlType.ofId(43)).isEmpty();
        assertThat(GgmlType.ofId(-1)).isEmpty();
    }

    @Test
    void sizesAreThereUnlessRemoved() {
        for (GgmlType type : GgmlType.values()) {
            assertThat(type.isRemoved()).isEqualTo(type.blockSize() == 0);
            assertThat(type.isRemoved()).isEqualTo(type.typeSize() == 0);
            assertThat(type.removedBecause().isPresent()).isEqualTo(type.isRemoved());
        }
        assertThat(GgmlType.Q8_0.bitsPerElement()).isEqualTo(8.5);
        assertThat(GgmlType.Q4_K.bitsPerElement()).isEqualTo(4.5);
        assertThat(GgmlType.Q4_2.bitsPerElement()).isZero();
    }
}
