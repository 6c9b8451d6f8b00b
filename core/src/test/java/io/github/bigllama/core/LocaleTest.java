package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.bindings.NativeLibrary;
import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeElement;
import java.lang.classfile.MethodModel;
import java.lang.classfile.instruction.ConstantInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * No text depends on the default locale: in Egypt, Iran or Nepal numbers would have other digits,
 * in Germany another decimal separator, and in Turkey an i has another capital letter.
 */
class LocaleTest {
    private static final Pattern NUMBER =
            Pattern.compile("%[-+ 0#,(\\d$]*(\\.\\d+)?[dfeEgG]", Pattern.DOTALL);

    /** Calls that look at the default locale. */
    private static final Set<String> FORBIDDEN =
            Set.of(
                    "java/lang/String.format(Ljava/lang/String;[Ljava/lang/Object;)Ljava/lang/String;",
                    "java/lang/String.toLowerCase()Ljava/lang/String;",
                    "java/lang/String.toUpperCase()Ljava/lang/String;",
                    "java/io/PrintStream.printf(Ljava/lang/String;[Ljava/lang/Object;)Ljava/io/PrintStream;",
                    "java/io/PrintStream.format(Ljava/lang/String;[Ljava/lang/Object;)Ljava/io/PrintStream;",
                    "java/util/Formatter.<init>()V",
                    "java/util/Formatter.<init>(Ljava/lang/Appendable;)V",
                    "java/text/NumberFormat.getInstance()Ljava/text/NumberFormat;",
                    "java/text/DecimalFormat.<init>(Ljava/lang/String;)V");

    @ParameterizedTest
    @ValueSource(classes = {LlamaModel.class, NativeLibrary.class})
    void noTextDependsOnTheDefaultLocale(Class<?> one) throws Exception {
        Path place = Path.of(one.getProtectionDomain().getCodeSource().getLocation().toURI());
        if (Files.isDirectory(place)) {
            assertThat(calls(place)).isEmpty();
        } else {
            try (FileSystem jar = FileSystems.newFileSystem(place)) {
                assertThat(calls(jar.getPath("/"))).isEmpty();
            }
        }
    }

    private static List<String> calls(Path root) throws IOException {
        List<Path> classes;
        try (Stream<Path> all = Files.walk(root)) {
            classes =
                    all.map(Path::toString)
                            .filter(path -> path.endsWith(".class"))
                            // Generated.
                            .filter(path -> !path.contains("/bindings/llama/"))
                            .map(root.getFileSystem()::getPath)
                            .toList();
        }
        assertThat(classes).isNotEmpty();
        List<String> calls = new ArrayList<>();
        for (Path path : classes) {
            ClassModel model = ClassFile.of().parse(Files.readAllBytes(path));
            for (MethodModel method : model.methods()) {
                method.code().ifPresent(code -> look(model, code, calls));
            }
        }
        return calls;
    }

    private static void look(ClassModel model, Iterable<CodeElement> code, List<String> calls) {
        Deque<String> formats = new ArrayDeque<>();
        for (CodeElement element : code) {
            if (element instanceof ConstantInstruction constant
                    && constant.constantValue() instanceof String text
                    && text.contains("%")) {
                formats.push(text);
            } else if (element instanceof InvokeInstruction call) {
                String name = call.owner().asInternalName() + "." + call.name().stringValue();
                String called = name + call.type().stringValue();
                boolean isFormatted = name.equals("java/lang/String.formatted");
                String format = isFormatted && !formats.isEmpty() ? formats.pop() : "";
                if (FORBIDDEN.contains(called) || NUMBER.matcher(format).find()) {
                    calls.add(model.thisClass().asInternalName() + " calls " + name + " " + format);
                }
            }
        }
    }
}
