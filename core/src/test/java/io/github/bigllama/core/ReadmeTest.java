package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.testing.DemoModel;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The Java examples of the README, compiled and run unchanged. */
class ReadmeTest {
    private static final Pattern EXAMPLE = Pattern.compile("```java\\n(.*?)```", Pattern.DOTALL);

    @ParameterizedTest
    @CsvSource({
        "Example, The capital of France is Paris.",
        "Conversation, Brasília/true/The capital of France is Paris."
    })
    void theExamplesCompileAndAnswer(String name, String answer, @TempDir Path dir)
            throws Exception {
        String readme = Files.readString(Path.of("..", "README.md"));
        String code =
                EXAMPLE.matcher(readme)
                        .results()
                        .map(match -> match.group(1))
                        .filter(text -> text.contains("public class " + name + " "))
                        .findFirst()
                        .orElseThrow();
        assertThat(code).contains("\"model.gguf\"");
        Path source = dir.resolve(name + ".java");
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
        assertThat(run(name, dir).strip().replace(System.lineSeparator(), "/")).isEqualTo(answer);
    }

    private static String run(String name, Path classes) throws Exception {
        PrintStream out = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        List<URL> urls = List.of(classes.toUri().toURL());
        try (URLClassLoader loader = new URLClassLoader(urls.toArray(URL[]::new))) {
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            loader.loadClass(name)
                    .getMethod("main", String[].class)
                    .invoke(null, (Object) new String[0]);
        } finally {
            System.setOut(out);
        }
        return printed.toString(StandardCharsets.UTF_8).strip();
    }
}
