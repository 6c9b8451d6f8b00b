package io.github.bigllama.core;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.internal.llama.Vocabulary;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Writes an {@link Infill} as llama.cpp's server does in {@code format_prompt_infill}. That
 * function is not called because it cuts texts to the size of a batch, and keeps tokens of the
 * first model that it was called with.
 */
final class InfillEncoder {
    /** What separates files where the vocabulary has no token for it. */
    private static final String SNIP = "\n\n--- snippet ---\n\n";

    private final Vocabulary vocabulary;
    private final IntStream.Builder tokens = IntStream.builder();

    InfillEncoder(Vocabulary vocabulary) {
        this.vocabulary = vocabulary;
    }

    int[] encode(Infill infill) {
        requireTokens();
        int begin = llama_h.llama_vocab_bos(vocabulary.pointer());
        if (llama_h.llama_vocab_get_add_bos(vocabulary.pointer())
                && begin != llama_h.LLAMA_TOKEN_NULL()) {
            tokens.add(begin);
        }
        infill.repository().ifPresent(this::add);
        if (infill.suffixFirst()) {
            addSuffix(infill);
            addPrefix(infill);
        } else {
            addPrefix(infill);
            addSuffix(infill);
        }
        tokens.add(llama_h.llama_vocab_fim_mid(vocabulary.pointer()));
        return tokens.build().toArray();
    }

    private void requireTokens() {
        List<String> missing = new ArrayList<>();
        if (llama_h.llama_vocab_fim_pre(vocabulary.pointer()) == llama_h.LLAMA_TOKEN_NULL()) {
            missing.add("prefix");
        }
        if (llama_h.llama_vocab_fim_suf(vocabulary.pointer()) == llama_h.LLAMA_TOKEN_NULL()) {
            missing.add("suffix");
        }
        if (llama_h.llama_vocab_fim_mid(vocabulary.pointer()) == llama_h.LLAMA_TOKEN_NULL()) {
            missing.add("middle");
        }
        if (!missing.isEmpty()) {
            throw new IllegalArgumentException(
                    "the model can't fill a gap in a text: its vocabulary has no token for the "
                            + String.join(", the ", missing)
                            + "; use a model that was trained to fill in the middle, as many for"
                            + " code are");
        }
    }

    private void add(Infill.Repository repository) {
        int announcesRepository = llama_h.llama_vocab_fim_rep(vocabulary.pointer());
        int announcesFile = llama_h.llama_vocab_fim_sep(vocabulary.pointer());
        if (announcesRepository != llama_h.LLAMA_TOKEN_NULL()) {
            tokens.add(announcesRepository);
            add(repository.name() + "\n");
        }
        for (Infill.SourceFile file : repository.others()) {
            if (announcesFile != llama_h.LLAMA_TOKEN_NULL()) {
                tokens.add(announcesFile);
                add(file.name() + "\n");
            } else {
                add(SNIP);
            }
            add(file.text());
        }
        if (announcesFile != llama_h.LLAMA_TOKEN_NULL()) {
            tokens.add(announcesFile);
            add(repository.file() + "\n");
        }
    }

    private void addPrefix(Infill infill) {
        tokens.add(llama_h.llama_vocab_fim_pre(vocabulary.pointer()));
        add(infill.prefix());
    }

    private void addSuffix(Infill infill) {
        tokens.add(llama_h.llama_vocab_fim_suf(vocabulary.pointer()));
        add(infill.suffix());
    }

    private void add(String text) {
        for (int token : vocabulary.encode(text, false, false)) {
            tokens.add(token);
        }
    }
}
