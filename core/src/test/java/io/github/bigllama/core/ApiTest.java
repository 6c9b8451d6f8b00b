package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleDescriptor;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The public API, member by member, as agreed on. To change it on purpose, run this test with
 * {@code -Dbigllama.api.write=true}; the commit then shows the change.
 */
class ApiTest {
    private static final Path AGREED = Path.of("src/test/api/core.txt");

    @Test
    void theApiIsWhatWasAgreedOn() throws Exception {
        String actual = api();
        if (Boolean.getBoolean("bigllama.api.write")) {
            Files.createDirectories(AGREED.getParent());
            Files.writeString(AGREED, actual);
        }
        assertThat(actual)
                .as("the public API; write it with -Dbigllama.api.write=true if that is meant")
                .isEqualTo(Files.readString(AGREED));
    }

    private static String api() throws Exception {
        List<String> lines = new ArrayList<>();
        for (String name : exported()) {
            for (Class<?> type : classes(name)) {
                lines.add(describe(type));
                members(type).stream().sorted().map(line -> "    " + line).forEach(lines::add);
            }
        }
        return String.join("\n", lines) + "\n";
    }

    private static Path root() throws URISyntaxException {
        return Path.of(
                LlamaModel.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    }

    /** The packages that users may use. */
    private static List<String> exported() throws IOException, URISyntaxException {
        try (InputStream in = Files.newInputStream(root().resolve("module-info.class"))) {
            return ModuleDescriptor.read(in).exports().stream()
                    .filter(export -> !export.isQualified())
                    .map(ModuleDescriptor.Exports::source)
                    .sorted()
                    .toList();
        }
    }

    private static List<Class<?>> classes(String name)
            throws IOException, URISyntaxException, ClassNotFoundException {
        ClassLoader loader = ApiTest.class.getClassLoader();
        List<Class<?>> types = new ArrayList<>();
        try (Stream<Path> files = Files.list(root().resolve(name.replace('.', '/')))) {
            for (Path file : files.sorted().toList()) {
                String simple = file.getFileName().toString().replace(".class", "");
                if (file.toString().endsWith(".class") && !simple.equals("package-info")) {
                    Class<?> type = Class.forName(name + "." + simple, false, loader);
                    if (isPublic(type)) {
                        types.add(type);
                    }
                }
            }
        }
        return types;
    }

    private static boolean isPublic(Class<?> type) {
        return type == null
                || Modifier.isPublic(type.getModifiers()) && isPublic(type.getEnclosingClass());
    }

    private static String describe(Class<?> type) {
        String kind =
                type.isRecord()
                        ? "record"
                        : type.isEnum() ? "enum" : type.isInterface() ? "interface" : "class";
        String supers =
                Stream.concat(
                                Stream.ofNullable(type.getSuperclass())
                                        .filter(c -> c != Object.class && !type.isEnum())
                                        .filter(c -> c != Record.class),
                                Arrays.stream(type.getInterfaces()))
                        .map(Class::getTypeName)
                        .collect(Collectors.joining(", "));
        String modifiers = Modifier.toString(type.getModifiers() & ~Modifier.INTERFACE);
        return "%s %s %s%s"
                .formatted(modifiers, kind, type.getName(), supers.isEmpty() ? "" : " < " + supers);
    }

    private static List<String> members(Class<?> type) {
        List<String> members = new ArrayList<>();
        for (Field field : type.getDeclaredFields()) {
            if (isVisible(field)) {
                members.add(field.toGenericString());
            }
        }
        for (Constructor<?> constructor : type.getDeclaredConstructors()) {
            if (isVisible(constructor)) {
                members.add(constructor.toGenericString());
            }
        }
        for (Method method : type.getDeclaredMethods()) {
            if (isVisible(method) && !method.isSynthetic()) {
                members.add(method.toGenericString());
            }
        }
        return members;
    }

    private static boolean isVisible(Member member) {
        return (member.getModifiers() & (Modifier.PUBLIC | Modifier.PROTECTED)) != 0;
    }
}
