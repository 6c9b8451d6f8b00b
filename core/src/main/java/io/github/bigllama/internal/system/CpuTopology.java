package io.github.bigllama.internal.system;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.HashSet;
import java.util.Set;

/** How many cores compute. */
public final class CpuTopology {
    private static final String ALLOWED = "Cpus_allowed_list:";

    private CpuTopology() {}

    /**
     * Physical cores that this process may use, by its affinity and the quota of its cgroup: two
     * threads of one core share its matrix units, and ggml's threads spin while they wait for each
     * other.
     */
    public static int physicalCores() {
        int available = Runtime.getRuntime().availableProcessors();
        int cores = allowedCores(Path.of("/"));
        return cores == 0 ? available : Math.min(cores, available);
    }

    /**
     * Number of distinct sets of sibling threads among the CPUs that this process may run on.
     *
     * @param root the folder that holds proc and sys
     * @return 0 if the system does not say
     */
    static int allowedCores(Path root) {
        BitSet allowed = allowedCpus(root);
        Set<String> siblings = new HashSet<>();
        try (DirectoryStream<Path> entries =
                Files.newDirectoryStream(root.resolve("sys/devices/system/cpu"), "cpu[0-9]*")) {
            for (Path cpu : entries) {
                int number = Integer.parseInt(cpu.getFileName().toString().substring(3));
                String list = SystemFile.text(cpu.resolve("topology/thread_siblings_list"));
                if (!list.isEmpty() && (allowed.isEmpty() || allowed.get(number))) {
                    siblings.add(list.strip());
                }
            }
        } catch (IOException | NumberFormatException e) {
            return 0;
        }
        return siblings.size();
    }

    /** Numbers of the CPUs that this process may run on; empty if the system does not say. */
    static BitSet allowedCpus(Path root) {
        return SystemFile.text(root.resolve("proc/self/status"))
                .lines()
                .filter(line -> line.startsWith(ALLOWED))
                .map(line -> cpus(line.substring(ALLOWED.length()).strip()))
                .findFirst()
                .orElseGet(BitSet::new);
    }

    /** Parses a list such as {@code 0-3,8}. */
    private static BitSet cpus(String list) {
        BitSet cpus = new BitSet();
        try {
            for (String range : list.split(",")) {
                String[] ends = range.split("-", 2);
                int first = Integer.parseInt(ends[0]);
                cpus.set(first, 1 + (ends.length == 1 ? first : Integer.parseInt(ends[1])));
            }
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            return new BitSet();
        }
        return cpus;
    }
}
