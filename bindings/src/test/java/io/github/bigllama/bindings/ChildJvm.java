package io.github.bigllama.bindings;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.commons.io.IOUtils;

/**
 * A JVM of its own that runs {@link LoadMain}, with nothing of this machine's user in its
 * environment.
 */
final class ChildJvm {
    private final List<String> options = new ArrayList<>();
    private final Map<String, String> environment = new HashMap<>();
    private List<String> nativeAccess = List.of("--enable-native-access=ALL-UNNAMED");
    private String classPath = System.getProperty("java.class.path");

    ChildJvm property(String name, Object value) {
        options.add("-D" + name + "=" + value);
        return this;
    }

    ChildJvm withoutNativeAccess() {
        nativeAccess = List.of("--illegal-native-access=deny");
        return this;
    }

    ChildJvm variable(String name, Object value) {
        environment.put(name, value.toString());
        return this;
    }

    ChildJvm classPathFirst(Path folder) {
        classPath = folder + File.pathSeparator + classPath;
        return this;
    }

    /** Its output, which must be all on stdout: loading writes nothing to stderr. */
    String run() throws IOException, InterruptedException {
        return finish(start());
    }

    Process start(String... arguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(nativeAccess);
        command.addAll(options);
        command.addAll(List.of("-cp", classPath, LoadMain.class.getName()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment()
                .keySet()
                .removeIf(name -> name.matches("BIGLLAMA_.*|XDG_.*|GGML_.*|JAVA_.*|JDK_JAVA.*"));
        builder.environment().putAll(environment);
        return builder.start();
    }

    static String finish(Process process) throws IOException, InterruptedException {
        try {
            process.getOutputStream().close();
            String output = IOUtils.toString(process.getInputStream(), StandardCharsets.UTF_8);
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).as(output).isZero();
            return output;
        } finally {
            process.destroyForcibly();
        }
    }
}
