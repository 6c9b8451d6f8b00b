package io.github.bigllama.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Arrows between packages go one way. */
class PackagesTest {
    private static final String ROOT = Main.class.getPackageName().replace('.', '/') + "/";

    /** The name of a class of the program, wherever a class file has it. */
    private static final Pattern CLASS =
            Pattern.compile(Pattern.quote(ROOT) + "((?:[a-z]+/)*)[A-Z]");

    /** From the top to the bottom: each knows only packages that stand after it. */
    private static final List<String> ORDER =
            List.of(
                    "",
                    "command/",
                    "chat/",
                    "page/",
                    "option/",
                    "models/",
                    "network/",
                    "output/",
                    "process/");

    @Test
    void arrowsGoDown() throws Exception {
        Map<String, Set<String>> arrows = arrows();
        assertThat(arrows.keySet()).containsExactlyInAnyOrderElementsOf(ORDER);
        arrows.forEach(
                (from, to) ->
                        assertThat(ORDER.subList(ORDER.indexOf(from), ORDER.size()))
                                .as("what " + from + " may know")
                                .containsAll(to));
    }

    @Test
    void downloadsAndTheProcessKnowNothingOfTheProgram() throws Exception {
        assertThat(arrows().get("models/")).containsExactly("models/", "network/");
        assertThat(arrows().get("network/")).containsExactly("network/");
        assertThat(arrows().get("process/")).containsExactly("process/");
    }

    private static Map<String, Set<String>> arrows() throws Exception {
        Path classes =
                Path.of(Main.class.getProtectionDomain().getCodeSource().getLocation().toURI())
                        .resolve(ROOT);
        Map<String, Set<String>> arrows = new TreeMap<>();
        try (Stream<Path> files = Files.walk(classes)) {
            for (Path file :
                    files.filter(f -> f.toString().endsWith(".class"))
                            .filter(f -> !f.endsWith("package-info.class"))
                            .toList()) {
                String folder = classes.relativize(file.getParent()).toString();
                arrows.computeIfAbsent(
                                folder.isEmpty() ? "" : folder + "/", from -> new TreeSet<>())
                        .addAll(packages(file));
            }
        }
        return arrows;
    }

    private static Set<String> packages(Path classFile) throws IOException {
        ClassModel model = ClassFile.of().parse(classFile);
        Set<String> packages = new TreeSet<>();
        for (PoolEntry entry : model.constantPool()) {
            if (entry instanceof Utf8Entry text) {
                CLASS.matcher(text.stringValue())
                        .results()
                        .map((MatchResult found) -> found.group(1))
                        .forEach(packages::add);
            }
        }
        return packages;
    }
}
