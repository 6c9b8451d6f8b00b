package io.github.bigllama.core;

import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * A text with a gap that a model is to fill, usually code around a cursor ("fill in the middle").
 * {@link Tokenizer#encode(Infill)} makes a prompt of it:
 *
 * <pre>{@code
 * int[] prompt = model.tokenizer().encode(Infill.of("int add(int a, int b) {\n    ", "\n}\n"));
 * try (TokenStream middle = session.generate(prompt, GenerationOptions.greedy())) { ... }
 * }</pre>
 *
 * <p>The prompt is that of llama.cpp's server (its {@code /infill}), except that nothing is cut,
 * that a beginning-of-sequence token, if the model wants one, stands before everything else, and
 * that without a repository there are no names: llama.cpp makes up "myproject" and "filename".
 *
 * @param prefix the text before the gap
 * @param suffix the text after the gap
 * @param suffixFirst whether the suffix stands before the prefix in the prompt, which some models
 *     prefer; as llama.cpp's {@code --spm-infill}
 * @param repository the files around this one, for models that were trained with them
 */
public record Infill(
        String prefix, String suffix, boolean suffixFirst, Optional<Repository> repository) {
    public Infill {
        Objects.requireNonNull(prefix, "prefix");
        Objects.requireNonNull(suffix, "suffix");
        Objects.requireNonNull(repository, "repository");
    }

    /** A gap between two texts. */
    public static Infill of(String prefix, String suffix) {
        return new Infill(prefix, suffix, false, Optional.empty());
    }

    public Infill withSuffixFirst(boolean value) {
        return new Infill(prefix, suffix, value, repository);
    }

    public Infill withRepository(Repository value) {
        return new Infill(
                prefix,
                suffix,
                suffixFirst,
                Optional.of(Objects.requireNonNull(value, "repository")));
    }

    /**
     * What is around the file with the gap. Source of the order: <a
     * href="https://arxiv.org/abs/2409.12186">arXiv:2409.12186</a>. Names have no effect where the
     * vocabulary has no token that announces them.
     *
     * @param name the repository's name
     * @param file the name of the file with the gap
     * @param others other files that help to understand it
     */
    public record Repository(String name, String file, List<SourceFile> others) {
        public Repository {
            Objects.requireNonNull(name, "name");
            Objects.requireNonNull(file, "file");
            others = List.copyOf(Objects.requireNonNull(others, "others"));
        }
    }

    /**
     * A file of a repository.
     *
     * @param name its name
     * @param text its text, or the part of it that matters
     */
    public record SourceFile(String name, String text) {
        public SourceFile {
            Objects.requireNonNull(name, "name");
            Objects.requireNonNull(text, "text");
        }
    }
}
