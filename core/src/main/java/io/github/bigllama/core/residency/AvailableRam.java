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
 * How much RAM this process can still fill with pages of files: what the machine can spare, or what
 * the tightest memory cgroup up the hierarchy leaves. Pages of files that are there already count
 * as spare, because they can be dropped; so weights that are in RAM do not make it less.
 *
 * <p>Where the limits stand is looked up once, what they are each time: they can change.
 * Thread-safe.
 */
public final class AvailableRam {
    private static final Pattern NUMBER = Pattern.compile("(\\d+)");
    private static final long NONE = Long.MAX_VALUE;

    /** What is said to be available where the system does not tell: nothing is limited then. */
    private static final Reading UNKNOWN = new Reading(NONE, "unknown");

    private final List<Supplier<Reading>> sources;

    /**
     * One limit.
     *
     * @param bytes what it leaves
     * @param source what it is, for users
     */
    record Reading(long bytes, String source) {}

    private AvailableRam(List<Supplier<Reading>> sources) {
        this.sources = List.copyOf(sources);
    }

    /** That of this process. */
    public static AvailableRam ofThisProcess() {
        return switch (System.getProperty("os.name")) {
            case "Linux" -> linux(Path.of("/"));
            case "Mac OS X" -> new AvailableRam(List.of(AvailableRam::macOs));
            default -> new AvailableRam(List.of());
        };
    }

    /** That of a Linux whose files are under a folder. */
    static AvailableRam linux(Path root) {
        List<Supplier<Reading>> sources = new ArrayList<>();
        sources.add(() -> memAvailable(root));
        for (Path folder : Cgroups.of(root, "memory")) {
            sources.add(() -> cgroup(root, folder));
        }
        return new AvailableRam(sources);
    }

    /** Bytes, and which limit leaves no more. */
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

    /** Bytes; very many where the system does not tell. */
    public long bytes() {
        return read().bytes;
    }

    /** Which limit leaves no more, in words. */
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
        // The files of version 2 have other names than those of version 1.
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
        // Version 1 says unlimited by the largest whole number of pages.
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
     * Bytes of memory of this process that are not pages of files; 0 where the system does not
     * tell.
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

    /** The number behind a name at the beginning of a line. */
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
            // Larger than any memory: no limit.
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

    /** What vm_stat prints: pages by kind. Those of files and those that are free can be had. */
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
