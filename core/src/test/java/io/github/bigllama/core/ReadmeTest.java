package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Java example of the README, compiled and run as it stands there. */
class ReadmeTest {
    private static final Pattern EXAMPLE = Pattern.compile("```java\\n(.*?)```", Pattern.DOTALL);

    @Test
    void theExampleCompilesAndAnswers(@TempDir Path dir) throws Exception {
        String readme = Files.readString(Path.of("..", "README.md"));
        Matcher example = EXAMPLE.matcher(readme);
        assertThat(example.find()).isTrue();
        String code = example.group(1);
        assertThat(code).contains("\"model.gguf\"");
        Path source = dir.resolve("Example.java");
        Files.writeString(source, code.replace("model.gguf", DemoModel.PATH.toString()));

        ToolProvider compiler = ToolProvider.findFirst("javac").orElseThrow();
        ByteArrayOutputStream messages = new ByteArrayOutputStream();
        PrintStream printer = new PrintStream(messages, true, StandardCharsets.UTF_8);
        int status =
                compiler.run(
                        printer,
                        printer,
                        "-Xlint:all",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "-d",
                        dir.toString(),
                        source.toString());
        assertThat(status).as("%s", messages.toString(StandardCharsets.UTF_8)).isZero();
        assertThat(run(dir)).isEqualTo("The capital of France is Paris.");
    }

    private static String run(Path classes) throws Exception {
        PrintStream out = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        List<URL> urls = List.of(classes.toUri().toURL());
        try (URLClassLoader loader = new URLClassLoader(urls.toArray(URL[]::new))) {
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            loader.loadClass("Example")
                    .getMethod("main", String[].class)
                    .invoke(null, (Object) new String[0]);
        } finally {
            System.setOut(out);
        }
        return printed.toString(StandardCharsets.UTF_8).strip();
    }
}
