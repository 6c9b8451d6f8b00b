package io.github.bigllama.core.residency;

import io.github.bigllama.internal.system.Cgroups;
import io.github.bigllama.internal.system.SystemFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * How much RAM this process can still fill with pages of files: as much as the machine can spare,
 * or as the tightest memory cgroup up the hierarchy leaves. File pages that are in RAM already
 * count as spare, because they can be dropped; so weights in RAM do not reduce it.
 *
 * <p>The files with the limits are looked up once, their values are read each time, because they
 * can change: for every token, so it must not take long. Thread-safe.
 */
public final class AvailableRam {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final long NONE = Long.MAX_VALUE;

    /** For systems that do not say how much is available: nothing is limited then. */
    private static final Reading UNKNOWN = new Reading(NONE, "unknown");

    private final List<Supplier<Reading>> sources;

    /**
     * The reading of one limit.
     *
     * @param bytes bytes that the limit leaves
     * @param source the name of the limit, for users
     */
    record Reading(long bytes, String source) {}

    private AvailableRam(List<Supplier<Reading>> sources) {
        this.sources = List.copyOf(sources);
    }

    /** The available RAM of this process. */
    public static AvailableRam ofThisProcess() {
        return switch (System.getProperty("os.name")) {
            case "Linux" -> linux(Path.of("/"));
            case "Mac OS X" -> new AvailableRam(List.of(AvailableRam::macOs));
            default -> new AvailableRam(List.of());
        };
    }

    /** The available RAM of a Linux system whose file tree is in a folder. */
    static AvailableRam linux(Path root) {
        List<Supplier<Reading>> sources = new ArrayList<>();
        sources.add(() -> memAvailable(root));
        for (Path folder : Cgroups.of(root, "memory")) {
            String source = "the limit of the cgroup /" + root.relativize(folder);
            // The files of cgroups version 2 are named differently from those of version 1.
            if (Files.exists(folder.resolve("memory.current"))) {
                sources.add(() -> new Reading(cgroup(folder), source));
            } else if (Files.exists(folder.resolve("memory.usage_in_bytes"))) {
                sources.add(() -> new Reading(cgroup1(folder), source));
            }
        }
        return new AvailableRam(sources);
    }

    /** The smallest number of bytes that any limit leaves, and that limit. */
    Reading read() {
        Reading least = UNKNOWN;
        for (Supplier<Reading> source : sources) {
            Reading reading = source.get();
            if (reading.bytes < least.bytes) {
                least = reading;
            }
        }
        return least;
    }

    /** Bytes of available RAM; a very large number where the system does not say. */
    public long bytes() {
        return read().bytes;
    }

    /** The limit that determines {@link #bytes()}, in words. */
    public String source() {
        return read().source;
    }

    private static Reading memAvailable(Path root) {
        OptionalLong kibibytes =
                value(SystemFile.text(root.resolve("proc/meminfo")), "MemAvailable:");
        return kibibytes.isPresent()
                ? new Reading(kibibytes.getAsLong() * 1024, "the memory that the system can spare")
                : UNKNOWN;
    }

    /** Bytes that a cgroup of version 2 leaves. */
    private static long cgroup(Path folder) {
        long limit = number(folder.resolve("memory.max")).orElse(NONE);
        long high = number(folder.resolve("memory.high")).orElse(NONE);
        OptionalLong usage = number(folder.resolve("memory.current"));
        return left(Math.min(limit, high), usage, folder, "");
    }

    /** Bytes that a cgroup of version 1 leaves. */
    private static long cgroup1(Path folder) {
        OptionalLong limit = number(folder.resolve("memory.limit_in_bytes"));
        OptionalLong usage = number(folder.resolve("memory.usage_in_bytes"));
        return left(limit.orElse(NONE), usage, folder, "total_");
    }

    private static long left(long limit, OptionalLong usage, Path folder, String prefix) {
        // In version 1 the largest multiple of the page size means unlimited.
        if (usage.isEmpty() || limit >= Long.MAX_VALUE - (1 << 20)) {
            return NONE;
        }
        String statistics = SystemFile.text(folder.resolve("memory.stat"));
        long files =
                value(statistics, prefix + "inactive_file ").orElse(0)
                        + value(statistics, prefix + "active_file ").orElse(0);
        return Math.max(0, limit - usage.getAsLong() + files);
    }

    /**
     * Bytes of memory of this process that are not pages of files; 0 where the system does not say.
     */
    public static long anonymousBytes() {
        String status = SystemFile.text(STATUS);
        return 1024 * (value(status, "RssAnon:").orElse(0) + value(status, "RssShmem:").orElse(0));
    }

    /** Bytes of memory of this process that have been swapped out; 0 where it is not known. */
    public static long swappedBytes() {
        return 1024 * value(SystemFile.text(STATUS), "VmSwap:").orElse(0);
    }

    private static OptionalLong number(Path file) {
        return number(SystemFile.text(file), 0);
    }

    /** The number after a name at the beginning of a line. */
    private static OptionalLong value(String text, String name) {
        int line = ("\n" + text).indexOf("\n" + name);
        return line < 0 ? OptionalLong.empty() : number(text, line + name.length());
    }

    /** The number that follows in a line; empty if none does, or one too large for a limit. */
    private static OptionalLong number(String text, int position) {
        int from = position;
        while (from < text.length() && !isDigit(text.charAt(from)) && text.charAt(from) != '\n') {
            from++;
        }
        int to = from;
        while (to < text.length() && isDigit(text.charAt(to))) {
            to++;
        }
        try {
            return to == from
                    ? OptionalLong.empty()
                    : OptionalLong.of(Long.parseLong(text, from, to, 10));
        } catch (NumberFormatException e) {
            return OptionalLong.empty();
        }
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private static Reading macOs() {
        try {
            Process process =
                    new ProcessBuilder("/usr/bin/vm_stat").redirectErrorStream(true).start();
            String text =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            process.waitFor(1, TimeUnit.SECONDS);
            return vmStat(text);
        } catch (IOException e) {
            return UNKNOWN;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return UNKNOWN;
        }
    }

    /** Parses the output of vm_stat, pages by kind. File pages and free pages are available. */
    static Reading vmStat(String text) {
        Map<String, String> lines = new HashMap<>();
        text.lines()
                .filter(line -> line.contains(":"))
                .forEach(
                        line ->
                                lines.put(
                                        line.substring(0, line.indexOf(':')),
                                        line.substring(line.indexOf(':') + 1)));
        OptionalLong page = number(text, 0);
        OptionalLong free = number(lines.getOrDefault("Pages free", ""), 0);
        OptionalLong files = number(lines.getOrDefault("File-backed pages", ""), 0);
        if (page.isEmpty() || free.isEmpty()) {
            return UNKNOWN;
        }
        return new Reading(
                page.getAsLong() * (free.getAsLong() + files.orElse(0)),
                "the memory that the system can spare");
    }
}
