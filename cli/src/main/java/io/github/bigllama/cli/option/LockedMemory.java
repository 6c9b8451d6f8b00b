package io.github.bigllama.cli.option;

import io.github.bigllama.cli.output.ByteSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Checks whether Linux has locked as much memory as asked for; other systems do not say. */
final class LockedMemory {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path LIMITS = Path.of("/proc/self/limits");

    private LockedMemory() {}

    /**
     * The complaint if less memory is locked than wanted.
     *
     * @param wanted bytes that should be locked
     */
    static Optional<String> complaint(long wanted) {
        try {
            return complaint(wanted, Files.readAllLines(STATUS), Files.readAllLines(LIMITS));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    static Optional<String> complaint(long wanted, List<String> status, List<String> limits) {
        long locked = number(status, "VmLck:", 1) * 1024;
        if (locked >= wanted) {
            return Optional.empty();
        }
        long limit = number(limits, "Max locked memory", 3);
        return Optional.of(
                "--mlock: the system keeps only %s of %s in RAM; %s"
                        .formatted(
                                ByteSize.format(locked),
                                ByteSize.format(wanted),
                                limit < 0
                                        ? "there is no limit (ulimit -l), so there is not enough "
                                                + "RAM"
                                        : String.format(
                                                Locale.ROOT,
                                                "the limit is %s: raise it with ulimit -l %d, or as memlock in /etc/security/limits.conf",
                                                ByteSize.format(limit),
                                                (wanted + 1023) / 1024)));
    }

    /** A number in the line that begins with a name; -1 if there is none, or it is unlimited. */
    private static long number(List<String> lines, String name, int column) {
        for (String line : lines) {
            if (line.startsWith(name)) {
                String field = line.split("\\s+")[column];
                return field.matches("\\d+") ? Long.parseLong(field) : -1;
            }
        }
        return -1;
    }
}
