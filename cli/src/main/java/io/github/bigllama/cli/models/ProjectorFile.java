package io.github.bigllama.cli.models;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The choice of the projector (mmproj) of a model, by llama.cpp's rule ({@code find_best_sibling}
 * in {@code download.cpp}): the file in the same folder, or else in one above it, that has about as
 * many bits per weight.
 */
public final class ProjectorFile {
    private static final String WORD = "mmproj";

    private static final Pattern BITS =
            Pattern.compile("(?:^|[-._])(?:BF|FP?|I?Q|TQ|MXFP|NVFP)(\\d+)");

    private ProjectorFile() {}

    /** The projectors in the folder of a model, the likeliest first. */
    public static List<Path> beside(Path model) {
        Path folder = model.toAbsolutePath().getParent();
        if (folder == null) {
            return List.of();
        }
        List<Path> own = in(folder, model, path -> true);
        // Folders of a downloaded repository are below that of its projector.
        boolean isPulled = Files.exists(Origin.beside(model)) && folder.getParent() != null;
        return isPulled
                ? Stream.concat(
                                own.stream(),
                                in(
                                        folder.getParent(),
                                        model,
                                        path -> Files.exists(Origin.beside(path)))
                                        .stream())
                        .toList()
                : own;
    }

    private static List<Path> in(Path folder, Path model, Predicate<Path> which) {
        try (Stream<Path> all = Files.list(folder)) {
            List<String> names =
                    all.filter(which).map(path -> path.getFileName().toString()).toList();
            return sorted(names, model.getFileName().toString()).map(folder::resolve).toList();
        } catch (IOException e) {
            // Then the model can't be read either, or is alone.
            return List.of();
        }
    }

    /** The projector among the files of a repository, if there is one. */
    static Optional<String> of(Collection<String> paths, String model) {
        return sorted(paths, model).findFirst();
    }

    private static Stream<String> sorted(Collection<String> paths, String model) {
        String folder = folder(model);
        int bits = bits(model);
        return paths.stream()
                .filter(path -> isProjector(path) && folder.startsWith(folder(path)))
                .sorted(
                        Comparator.<String>comparingInt(path -> -folder(path).length())
                                .thenComparingInt(path -> Math.abs(bits(path) - bits))
                                .thenComparing(Comparator.naturalOrder()));
    }

    private static boolean isProjector(String path) {
        String lower = path.toLowerCase(Locale.ROOT);
        return lower.endsWith(".gguf") && lower.contains(WORD);
    }

    private static String folder(String path) {
        return path.substring(0, path.lastIndexOf('/') + 1);
    }

    /** Bits per weight that a name tells; 0 if it tells none. */
    private static int bits(String path) {
        Matcher type = BITS.matcher(path.toUpperCase(Locale.ROOT));
        int bits = 0;
        while (type.find()) {
            bits = Integer.parseInt(type.group(1));
        }
        return bits;
    }
}
