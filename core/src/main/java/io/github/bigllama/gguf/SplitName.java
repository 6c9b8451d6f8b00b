package io.github.bigllama.gguf;

import java.nio.file.Path;
import java.util.Optional;

/**
 * The name of one part of a model in several files: {@code <prefix>-00002-of-00005.gguf}, as
 * llama_split_path and llama_split_prefix in llama.cpp have it.
 *
 * @param directory the path of the first part as the caller gave it, for its directory
 * @param prefix the start of the file name
 * @param count the number of parts
 */
record SplitName(Path directory, String prefix, int count) {

    /** The naming of a file that says it is part {@code number} (from 0) of {@code count}. */
    static Optional<SplitName> of(Path path, int number, int count) {
        String name = path.getFileName().toString();
        String postfix = postfix(number, count);
        // llama.cpp wants a prefix of at least one character
        return name.length() > postfix.length() && name.endsWith(postfix)
                ? Optional.of(
                        new SplitName(
                                path, name.substring(0, name.length() - postfix.length()), count))
                : Optional.empty();
    }

    /** The path of a part, counted from 0. */
    Path part(int number) {
        return directory.resolveSibling(prefix + postfix(number, count));
    }

    static String postfix(int number, int count) {
        return "-%05d-of-%05d.gguf".formatted(number + 1, count);
    }
}
