package io.github.bigllama.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.GgufException;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** What the tests of this package share. */
public final class TestModels {
    /** The demo model; the build sets the property, and a missing one is a failure. */
    public static final Path DEMO =
            Path.of(
                    Objects.requireNonNull(
                            System.getProperty("bigllama.demo.model"), "bigllama.demo.model"));

    private TestModels() {}

    /** The smallest file with one tensor: 64 elements of F32. */
    public static RawGguf small() {
        return small(ByteOrder.LITTLE_ENDIAN);
    }

    public static RawGguf small(ByteOrder order) {
        return new RawGguf(order)
                .text("general.architecture", "llama")
                .tensor("output_norm.weight", GgmlType.F32, 64L);
    }

    /** Asserts that the call fails as it should, with a message of one line that has the parts. */
    public static GgufException assertRefused(
            GgufException.Problem problem, ThrowingCallable call, String... parts) {
        GgufException e = catchThrowableOfType(GgufException.class, call);
        assertThat(e).isNotNull();
        assertThat(e.problem()).isEqualTo(problem);
        assertThat(List.of(e.getMessage().split("\n"))).hasSize(1);
        assertThat(e).hasMessageContainingAll(parts);
        return e;
    }
}
