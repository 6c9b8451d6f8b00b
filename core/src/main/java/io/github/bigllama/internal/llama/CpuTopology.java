package io.github.bigllama.internal.llama;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/** Counts the cores that compute. */
public final class CpuTopology {
    private CpuTopology() {}

    /**
     * Number of physical cores that this process may use: two threads of one core share its matrix
     * units, and ggml's threads spin while they wait for each other.
     */
    public static int physicalCores() {
        int available = Runtime.getRuntime().availableProcessors();
        int cores = coresOf(Path.of("/sys/devices/system/cpu"));
        return cores == 0 ? available : Math.min(cores, available);
    }

    /** Number of distinct sets of sibling threads that Linux lists; 0 where it lists none. */
    private static int coresOf(Path cpus) {
        Set<String> siblings = new HashSet<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(cpus, "cpu[0-9]*")) {
            for (Path cpu : entries) {
                Path list = cpu.resolve("topology/thread_siblings_list");
                if (Files.isReadable(list)) {
                    siblings.add(Files.readString(list).strip());
                }
            }
        } catch (IOException e) {
            return 0;
        }
        return siblings.size();
    }
}
