package io.github.bigllama.core.gguf;

import java.util.Locale;
import java.util.Optional;

/**
 * The name of one part of a model in several files: {@code <prefix>-00002-of-00005.gguf}, as in
 * llama_split_path and llama_split_prefix of llama.cpp.
 *
 * @param prefix the start of the file name
 * @param count the number of parts
 */
record SplitName(String prefix, int count) {

    /** The naming of a file that says it is part {@code number} (from 0) of {@code count}. */
    static Optional<SplitName> of(String name, int number, int count) {
        String postfix = postfix(number, count);
        // llama.cpp requires a prefix of at least one character.
        return name.length() > postfix.length() && name.endsWith(postfix)
                ? Optional.of(
                        new SplitName(name.substring(0, name.length() - postfix.length()), count))
                : Optional.empty();
    }

    /** The name of a part, counted from 0. */
    String part(int number) {
        return prefix + postfix(number, count);
    }

    static String postfix(int number, int count) {
        return String.format(Locale.ROOT, "-%05d-of-%05d.gguf", number + 1, count);
    }
}
