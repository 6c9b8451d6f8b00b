package io.github.bigllama.bindings;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.commons.io.IOUtils;

/**
 * The instruction sets of this CPU, named as the operating system names them: {@code avx2} in
 * Linux's {@code /proc/cpuinfo}, {@code dotprod} for macOS's {@code hw.optional.arm.FEAT_DotProd}.
 *
 * <p>A library that uses an instruction the CPU does not have ends the JVM with SIGILL in the
 * middle of a computation, so the CPU is checked before the library is loaded.
 */
final class CpuFeatures {
    private static final String SYSCTL_PREFIX = "hw.optional.arm.feat_";

    private CpuFeatures() {}

    /** The required features that this CPU lacks, in the order given. */
    static List<String> missing(List<String> required) throws IOException {
        if (required.isEmpty()) {
            return List.of();
        }
        Set<String> present = present();
        return required.stream().filter(feature -> !present.contains(normalise(feature))).toList();
    }

    private static Set<String> present() throws IOException {
        return System.getProperty("os.name").equals("Linux")
                ? fromCpuinfo(
                        Files.readAllLines(Path.of("/proc/cpuinfo"), StandardCharsets.ISO_8859_1))
                : fromSysctl(sysctl());
    }

    /**
     * Parses the lines of Linux's {@code /proc/cpuinfo}: {@code flags} on x86, {@code Features} on
     * Arm.
     */
    static Set<String> fromCpuinfo(List<String> lines) {
        // If cores differ, only features of all cores are safe, because threads move between cores.
        List<Set<String>> cores =
                lines.stream()
                        .filter(line -> line.matches("(flags|Features)\\s*:.*"))
                        .distinct()
                        .map(line -> line.substring(line.indexOf(':') + 1).strip().split("\\s+"))
                        .map(
                                words ->
                                        Arrays.stream(words)
                                                .map(CpuFeatures::normalise)
                                                .collect(Collectors.toSet()))
                        .toList();
        return cores.stream()
                .reduce((a, b) -> a.stream().filter(b::contains).collect(Collectors.toSet()))
                .orElse(Set.of());
    }

    /**
     * Parses the output of macOS's {@code sysctl hw.optional.arm}: {@code
     * hw.optional.arm.FEAT_DotProd: 1}.
     */
    static Set<String> fromSysctl(Stream<String> lines) {
        return lines.map(line -> line.strip().toLowerCase(Locale.ROOT))
                .filter(line -> line.startsWith(SYSCTL_PREFIX) && line.matches(".*:\\s*1"))
                .map(line -> line.substring(SYSCTL_PREFIX.length(), line.indexOf(':')))
                .collect(Collectors.toSet());
    }

    private static Stream<String> sysctl() throws IOException {
        Process process =
                new ProcessBuilder("/usr/sbin/sysctl", "hw.optional.arm")
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
        process.getOutputStream().close();
        return IOUtils.toString(process.getInputStream(), StandardCharsets.UTF_8).lines();
    }

    private static String normalise(String feature) {
        String name = feature.toLowerCase(Locale.ROOT);
        return name.startsWith("feat_") ? name.substring("feat_".length()) : name;
    }
}
