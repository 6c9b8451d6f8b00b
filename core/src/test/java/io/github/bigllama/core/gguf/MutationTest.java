package io.github.bigllama.core.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.internal.check.ModelCheck;
import io.github.bigllama.testing.TestModels;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MutationTest {
    private static final int COPIES = 500;
    private static final int HEADERS = 10_000;

    @TempDir Path dir;

    /**
     * Either the copy passes or there is a typed error of one line; nothing else is ever thrown.
     */
    @Test
    void damagedCopiesPassOrAreRefusedWithOneLine() throws IOException {
        GgufMutator mutator = new GgufMutator(TestModels.DEMO);
        Path file = dir.resolve("copy.gguf");
        Map<GgufException.Problem, Integer> refused = new EnumMap<>(GgufException.Problem.class);
        int passed = 0;
        for (int seed = 0; seed < COPIES; seed++) {
            Files.write(file, mutator.copy(seed));
            try {
                ModelFiles files = ModelFiles.read(file);
                ModelCheck.check(files);
                passed++;
            } catch (GgufException e) {
                assertThat(e.getMessage()).startsWith(file + ": ").doesNotContain("\n");
                refused.merge(e.problem(), 1, Integer::sum);
            }
        }
        assertThat(passed).isBetween(COPIES / 4, COPIES * 3 / 4);
        assertThat(refused)
                .containsKeys(
                        GgufException.Problem.NOT_GGUF,
                        GgufException.Problem.UNSUPPORTED_VERSION,
                        GgufException.Problem.TRUNCATED,
                        GgufException.Problem.DAMAGED,
                        GgufException.Problem.UNUSABLE);
    }

    /** A file in memory. */
    private record InMemory(byte[] content) implements FileLocation {
        @Override
        public String toString() {
            return "memory";
        }

        @Override
        public String fileName() {
            return "memory";
        }

        @Override
        public FileLocation sibling(String fileName) {
            return this;
        }

        @Override
        public boolean exists() {
            return true;
        }

        @Override
        public Bytes open() {
            return new Bytes() {
                @Override
                public long size() {
                    return content.length;
                }

                @Override
                public int read(ByteBuffer into, long position) {
                    if (position >= content.length) {
                        return -1;
                    }
                    int count = (int) Math.min(into.remaining(), content.length - position);
                    into.put(content, (int) position, count);
                    return count;
                }

                @Override
                public void close() {}
            };
        }
    }

    /** Ten thousand headers: each is read or refused by name, with little memory and at once. */
    @Test
    void damagedHeadersTakeLittleMemoryAndTime() throws IOException {
        GgufMutator mutator = new GgufMutator(TestModels.DEMO);
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        int refused = 0;
        for (int seed = 0; seed < HEADERS; seed++) {
            InMemory copy = new InMemory(mutator.copy(seed));
            long memory = threads.getCurrentThreadAllocatedBytes();
            long start = System.nanoTime();
            try {
                Gguf.read(copy);
            } catch (GgufException e) {
                assertThat(e.getMessage()).startsWith("memory: ").doesNotContain("\n");
                refused++;
            }
            assertThat(threads.getCurrentThreadAllocatedBytes() - memory)
                    .as("memory for seed %d", seed)
                    .isLessThan(16 << 20);
            assertThat(System.nanoTime() - start)
                    .as("time for seed %d", seed)
                    .isLessThan(5_000_000_000L);
        }
        assertThat(refused).isBetween(HEADERS / 10, HEADERS * 9 / 10);
    }

    @Test
    void theSameSeedGivesTheSameCopy() throws IOException {
        byte[] one = new GgufMutator(TestModels.DEMO).copy(42);
        assertThat(new GgufMutator(TestModels.DEMO).copy(42)).isEqualTo(one);
    }
}
