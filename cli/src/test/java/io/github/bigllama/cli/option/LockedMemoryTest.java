package io.github.bigllama.cli.option;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class LockedMemoryTest {
    private static final List<String> LIMITS =
            List.of("Max locked memory         8388608              8388608              bytes");

    @Test
    void theLimitIsNamedAndHowToRaiseIt() {
        assertThat(LockedMemory.complaint(2_000_000_000, List.of("VmLck:\t       0 kB"), LIMITS))
                .hasValueSatisfying(
                        line ->
                                assertThat(line)
                                        .contains("of 2.00 GB in RAM", "the limit is 8.4 MB")
                                        .contains("ulimit -l 1953125"));
    }

    @Test
    void whereAllIsLockedThereIsNothingToSay() {
        assertThat(LockedMemory.complaint(4096, List.of("VmLck:\t     400 kB"), LIMITS)).isEmpty();
    }

    @Test
    void anUnlimitedUserLacksRam() {
        List<String> unlimited =
                List.of(
                        "Max locked memory         unlimited            unlimited            bytes");
        assertThat(LockedMemory.complaint(4096, List.of("VmLck:\t 0 kB"), unlimited))
                .hasValueSatisfying(line -> assertThat(line).contains("there is no limit"));
    }
}
