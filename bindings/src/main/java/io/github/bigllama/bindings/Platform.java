package io.github.bigllama.bindings;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** A platform that the native jar may hold libraries for. */
enum Platform {
    LINUX_X86_64("linux-x86_64"),
    LINUX_AARCH64("linux-aarch64"),
    MACOS_ARM64("macos-arm64");

    private final String id;

    Platform(String id) {
        this.id = id;
    }

    /** The name of the platform's folder in the native jar. */
    String id() {
        return id;
    }

    static List<String> ids() {
        return Arrays.stream(values()).map(Platform::id).toList();
    }

    static Optional<Platform> current() {
        return of(System.getProperty("os.name"), System.getProperty("os.arch"));
    }

    /**
     * The platform with the values of the system properties {@code os.name} and {@code os.arch}.
     */
    static Optional<Platform> of(String os, String arch) {
        boolean arm = arch.equals("aarch64") || arch.equals("arm64");
        boolean x86 = arch.equals("amd64") || arch.equals("x86_64");
        if (os.equals("Linux")) {
            return x86
                    ? Optional.of(LINUX_X86_64)
                    : arm ? Optional.of(LINUX_AARCH64) : Optional.empty();
        }
        return os.startsWith("Mac") && arm ? Optional.of(MACOS_ARM64) : Optional.empty();
    }

    /** The name of this machine in messages, even if its platform is not supported. */
    static String describe() {
        return current()
                .map(Platform::id)
                .orElseGet(
                        () ->
                                (System.getProperty("os.name")
                                                + "-"
                                                + System.getProperty("os.arch"))
                                        .toLowerCase(Locale.ROOT)
                                        .replace(' ', '-'));
    }
}
