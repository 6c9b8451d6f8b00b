package io.github.bigllama.bindings;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.bindings.llama.llama_h;
import java.io.IOException;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.PaddingLayout;
import java.lang.foreign.UnionLayout;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The generated classes against what the C compiler said when it built the libraries, both ways:
 * what only one side has is an error too. {@code abi.txt} is what the native module's probe
 * printed.
 */
class AbiTest {
    private static final Path SYMBOLS = Path.of("src/main/jextract/symbols.txt");

    private static List<String> compiler;
    private static List<Class<?>> structs;

    @BeforeAll
    static void read() throws Exception {
        compiler =
                Natives.text("abi.txt")
                        .lines()
                        .map(String::strip)
                        .filter(line -> !line.isEmpty())
                        .toList();
        structs = generatedClasses().stream().filter(type -> find(type, "layout") != null).toList();
    }

    @Test
    void structsHaveTheSizeAndAlignmentOfTheCompiler() {
        List<String> java =
                structs.stream()
                        .map(AbiTest::layout)
                        .map(
                                layout ->
                                        String.format(
                                                Locale.ROOT,
                                                "struct %s %d %d",
                                                layout.name().get(),
                                                layout.byteSize(),
                                                layout.byteAlignment()))
                        .toList();
        assertThat(java).isNotEmpty().containsExactlyInAnyOrderElementsOf(lines("struct"));
    }

    @Test
    void fieldsHaveTheOffsetAndSizeOfTheCompiler() {
        List<String> java =
                structs.stream()
                        .flatMap(type -> fields(layout(type).name().get(), layout(type), 0))
                        .toList();
        assertThat(java).isNotEmpty().containsExactlyInAnyOrderElementsOf(lines("field"));
    }

    /** The accessors have constants of their own, so the layout alone proves nothing about them. */
    @Test
    void accessorsUseTheOffsetAndSizeOfTheCompiler() throws Exception {
        TreeSet<String> java = new TreeSet<>();
        for (Class<?> type : structs) {
            for (Method method : type.getDeclaredMethods()) {
                if (method.getName().endsWith("$offset")) {
                    String field =
                            method.getName()
                                    .substring(0, method.getName().length() - "$offset".length());
                    MemoryLayout layout = (MemoryLayout) find(type, field + "$layout").invoke(null);
                    java.add(
                            String.format(
                                    Locale.ROOT,
                                    "field %s.%s %d %d",
                                    type.getSimpleName(),
                                    field,
                                    (long) method.invoke(null),
                                    layout.byteSize()));
                }
            }
        }
        assertThat(java).containsExactlyInAnyOrderElementsOf(lines("field"));
    }

    @Test
    void constantsHaveTheValueOfTheCompiler() throws Exception {
        TreeSet<String> java = new TreeSet<>();
        for (Method method : llama_h.class.getMethods()) {
            if (method.getParameterCount() == 0 && method.getName().matches("[A-Z][A-Za-z0-9_]*")) {
                java.add("constant %s %s".formatted(method.getName(), method.invoke(null)));
            }
        }
        // jextract gives int to a macro of unsigned int: the same 32 bits.
        List<String> c = lines("constant").stream().map(AbiTest::toInt).toList();
        assertThat(java).isNotEmpty().containsExactlyInAnyOrderElementsOf(c);
    }

    @Test
    void allThatIsListedWasGeneratedAndNothingElse() throws Exception {
        assertThat(structs)
                .extracting(Class::getSimpleName)
                .containsExactlyInAnyOrderElementsOf(listed("struct"));
        assertThat(generatedClasses().stream().filter(type -> find(type, "descriptor") != null))
                .extracting(Class::getSimpleName)
                .containsExactlyInAnyOrderElementsOf(listed("typedef"));
        assertThat(functions()).containsExactlyInAnyOrderElementsOf(listed("function"));
        assertThat(lines("constant").stream().map(line -> line.split(" ")[1]))
                .containsExactlyInAnyOrderElementsOf(listed("constant"));
    }

    @Test
    void everyFunctionResolves() {
        NativeLibrary.load();
        Function<String, String> resolve =
                function -> {
                    try {
                        find(llama_h.class, function + "$handle").invoke(null);
                        return null;
                    } catch (ReflectiveOperationException e) {
                        return function;
                    }
                };
        assertThat(functions().stream().map(resolve).filter(name -> name != null)).isEmpty();
    }

    private static Set<String> functions() {
        return Stream.of(llama_h.class.getMethods())
                .map(Method::getName)
                .filter(name -> name.endsWith("$handle"))
                .map(name -> name.substring(0, name.length() - "$handle".length()))
                .collect(Collectors.toSet());
    }

    private static List<String> listed(String kind) throws IOException {
        String option = "--include-" + kind + " ";
        return Files.readAllLines(SYMBOLS).stream()
                .filter(line -> line.startsWith(option))
                .map(line -> line.substring(option.length()))
                .toList();
    }

    private static List<String> lines(String kind) {
        return compiler.stream().filter(line -> line.startsWith(kind + " ")).toList();
    }

    private static String toInt(String constant) {
        int at = constant.lastIndexOf(' ') + 1;
        long value = Long.parseLong(constant.substring(at));
        assertThat(value).as(constant).isBetween((long) Integer.MIN_VALUE, 0xFFFF_FFFFL);
        return constant.substring(0, at) + (int) value;
    }

    /** C reaches the members of an unnamed union as if they were the struct's own. */
    private static Stream<String> fields(String struct, GroupLayout group, long start) {
        Stream.Builder<Stream<String>> fields = Stream.builder();
        long offset = start;
        for (MemoryLayout member : group.memberLayouts()) {
            if (!(member instanceof PaddingLayout)) {
                String name = member.name().orElseThrow();
                fields.add(
                        member instanceof GroupLayout inner && name.startsWith("$anon$")
                                ? fields(struct, inner, offset)
                                : Stream.of(
                                        String.format(
                                                Locale.ROOT,
                                                "field %s.%s %d %d",
                                                struct,
                                                name,
                                                offset,
                                                member.byteSize())));
            }
            offset += group instanceof UnionLayout ? 0 : member.byteSize();
        }
        return fields.build().flatMap(Function.identity());
    }

    private static GroupLayout layout(Class<?> type) {
        try {
            return (GroupLayout) find(type, "layout").invoke(null);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    private static Method find(Class<?> type, String name) {
        return Stream.of(type.getMethods())
                .filter(method -> method.getName().equals(name) && method.getParameterCount() == 0)
                .findAny()
                .orElse(null);
    }

    private static List<Class<?>> generatedClasses() throws Exception {
        Path folder = Path.of(llama_h.class.getResource("llama_h.class").toURI()).getParent();
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".class") && !name.contains("$"))
                    .map(
                            name ->
                                    llama_h.class.getPackageName()
                                            + "."
                                            + name.substring(0, name.length() - ".class".length()))
                    .<Class<?>>map(AbiTest::type)
                    .toList();
        }
    }

    private static Class<?> type(String name) {
        try {
            return Class.forName(name);
        } catch (ClassNotFoundException e) {
            throw new AssertionError(e);
        }
    }
}
