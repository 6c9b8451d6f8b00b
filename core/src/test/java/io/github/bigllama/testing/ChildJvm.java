package io.github.bigllama.testing;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Another JVM with the class path of the tests, for what may end a JVM or must be measured alone.
 */
public final class ChildJvm {
    /**
     * How a child ended.
     *
     * @param exitCode 0 if it came to its end; 128 + n if signal n ended it
     * @param output what it wrote, to stdout and stderr
     */
    public record Result(int exitCode, String output) {}

    private ChildJvm() {}

    public static Result run(Class<?> main, List<String> jvmOptions, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-Dbigllama.demo.model=" + DemoModel.PATH);
        command.addAll(jvmOptions);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        // One arena, and large blocks mapped one by one: glibc gives free memory back, so that what
        // is
        // resident says what leaks.
        builder.environment().put("MALLOC_ARENA_MAX", "1");
        builder.environment().put("MALLOC_MMAP_THRESHOLD_", Integer.toString(128 << 10));
        Process process = builder.start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Result(process.waitFor(), output);
    }
}
