package io.github.bigllama.core.residency;

import io.github.bigllama.internal.system.Cgroups;
import io.github.bigllama.internal.system.SystemFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How much RAM this process can still fill with pages of files: as much as the machine can spare,
 * or as the tightest memory cgroup up the hierarchy leaves. File pages that are in RAM already
 * count as spare, because they can be dropped; so weights in RAM do not reduce it.
 *
 * <p>The files with the limits are looked up once, their values are read each time, because they
 * can change. Thread-safe.
 */
public final class AvailableRam {
    private static final Pattern NUMBER = Pattern.compile("(\\d+)");
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
            sources.add(() -> cgroup(root, folder));
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
        OptionalLong kibibytes = value(root.resolve("proc/meminfo"), "MemAvailable:");
        return kibibytes.isPresent()
                ? new Reading(kibibytes.getAsLong() * 1024, "the memory that the system can spare")
                : UNKNOWN;
    }

    private static Reading cgroup(Path root, Path folder) {
        // The files of cgroups version 2 are named differently from those of version 1.
        OptionalLong limit = number(folder.resolve("memory.max"));
        OptionalLong high = number(folder.resolve("memory.high"));
        OptionalLong usage = number(folder.resolve("memory.current"));
        String prefix = "";
        if (usage.isEmpty()) {
            limit = number(folder.resolve("memory.limit_in_bytes"));
            usage = number(folder.resolve("memory.usage_in_bytes"));
            prefix = "total_";
        }
        long bytes = Math.min(limit.orElse(NONE), high.orElse(NONE));
        // In version 1 the largest multiple of the page size means unlimited.
        if (usage.isEmpty() || bytes >= Long.MAX_VALUE - (1 << 20)) {
            return UNKNOWN;
        }
        Path statistics = folder.resolve("memory.stat");
        long files =
                value(statistics, prefix + "inactive_file").orElse(0)
                        + value(statistics, prefix + "active_file").orElse(0);
        return new Reading(
                Math.max(0, bytes - usage.getAsLong() + files),
                "the limit of the cgroup /" + root.relativize(folder));
    }

    /**
     * Bytes of memory of this process that are not pages of files; 0 where the system does not say.
     */
    public static long anonymousBytes() {
        Path status = Path.of("/proc/self/status");
        return 1024 * (value(status, "RssAnon:").orElse(0) + value(status, "RssShmem:").orElse(0));
    }

    /** Bytes of memory of this process that have been swapped out; 0 where it is not known. */
    public static long swappedBytes() {
        return 1024 * value(Path.of("/proc/self/status"), "VmSwap:").orElse(0);
    }

    private static OptionalLong number(Path file) {
        return parse(SystemFile.text(file));
    }

    /** The number after a name at the beginning of a line. */
    private static OptionalLong value(Path file, String name) {
        return SystemFile.text(file)
                .lines()
                .filter(line -> line.startsWith(name + " ") || line.startsWith(name + "\t"))
                .map(line -> parse(line.substring(name.length())))
                .findFirst()
                .orElse(OptionalLong.empty());
    }

    private static OptionalLong parse(String text) {
        Matcher matcher = NUMBER.matcher(text);
        try {
            return matcher.find()
                    ? OptionalLong.of(Long.parseLong(matcher.group()))
                    : OptionalLong.empty();
        } catch (NumberFormatException e) {
            // Too large for a long: not a limit.
            return OptionalLong.empty();
        }
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
        OptionalLong page = parse(text.lines().findFirst().orElse(""));
        OptionalLong free = parse(lines.getOrDefault("Pages free", ""));
        OptionalLong files = parse(lines.getOrDefault("File-backed pages", ""));
        if (page.isEmpty() || free.isEmpty()) {
            return UNKNOWN;
        }
        return new Reading(
                page.getAsLong() * (free.getAsLong() + files.orElse(0)),
                "the memory that the system can spare");
    }
}
