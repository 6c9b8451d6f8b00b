package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.exception.NativeLoadException;
import io.github.bigllama.core.forecast.DiskSpeed;
import io.github.bigllama.core.forecast.Forecaster;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.residency.ResidencyMap;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.testing.DemoModel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A JVM that denies native access. */
class NativeAccessTest {
    /** Runs in a separate JVM. */
    static final class Program {
        private static void tell(Callable<?> call) {
            try {
                System.out.println("done: " + call.call());
            } catch (NativeLoadException e) {
                System.out.println(e.getMessage());
            } catch (Exception | LinkageError e) {
                System.out.println(e);
            }
        }

        public static void main(String[] arguments) {
            for (int i = 0; i < 2; i++) {
                Path path = Path.of(arguments[0]);
                tell(() -> LlamaModel.load(path));
                tell(() -> ResidencyMap.of(Weights.of(ModelFiles.read(path)), 1));
                tell(() -> DiskSpeed.ofSlices(path, 1, 1, 1));
                tell(() -> new Forecaster(ModelFiles.read(path)));
                tell(() -> Grammar.gbnf("root ::= [a]"));
                tell(LlamaRuntime::load);
            }
        }
    }

    @Test
    void theExceptionNamesTheFlag() throws Exception {
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--illegal-native-access=deny",
                                "-cp",
                                System.getProperty("java.class.path"),
                                Program.class.getName(),
                                DemoModel.PATH.toString())
                        .redirectErrorStream(true)
                        .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(output.lines())
                .hasSize(12)
                .allMatch(line -> line.contains("--enable-native-access=ALL-UNNAMED"))
                .allMatch(
                        line ->
                                line.contains(
                                        "io.github.bigllama.core,io.github.bigllama.bindings"));
        assertThat(process.exitValue()).isZero();
    }
}
