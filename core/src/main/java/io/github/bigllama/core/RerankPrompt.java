package io.github.bigllama.core;

import io.github.bigllama.bindings.llama.llama_h;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The tokens of a query and a document: format_prompt_rerank in llama.cpp's server-common.cpp. But
 * what reads like a control token, or like a placeholder, in either of them is text.
 */
final class RerankPrompt {
    private static final String QUERY = "{query}";
    private static final Pattern PLACEHOLDER = Pattern.compile("\\{(?:query|document)}");

    private final LlamaModel model;
    private final Tokenizer tokenizer;

    /** With {@link #PLACEHOLDER}s; empty for a model that only has tokens between the two. */
    private final Optional<String> template;

    RerankPrompt(LlamaModel model) {
        this.model = model;
        tokenizer = model.tokenizer();
        template = model.template("rerank");
    }

    int[] tokens(String query, String document) {
        if (template.isEmpty()) {
            return joined(query, document);
        }
        return hasControlToken(query) || hasControlToken(document)
                ? inParts(template.get(), query, document)
                : tokenizer.encode(filled(template.get(), query, document), false, true);
    }

    private static String filled(String text, String query, String document) {
        return PLACEHOLDER
                .matcher(text)
                .replaceAll(
                        found ->
                                Matcher.quoteReplacement(
                                        found.group().equals(QUERY) ? query : document));
    }

    /**
     * As llama.cpp does it, text between control tokens, here those of the template, is a whole.
     */
    private int[] inParts(String text, String query, String document) {
        IntStream.Builder tokens = IntStream.builder();
        StringBuilder between = new StringBuilder();
        for (int i = 0; i <= text.length(); ) {
            int control = i < text.length() ? controlAt(text, i) : 0;
            if (control > 0 || i == text.length()) {
                String part = filled(between.toString(), query, document);
                IntStream.of(tokenizer.encode(part, false, false)).forEach(tokens);
                String name = text.substring(i, i + control);
                IntStream.of(tokenizer.encode(name, false, true)).forEach(tokens);
                between.setLength(0);
            } else {
                between.append(text.charAt(i));
            }
            i += Math.max(1, control);
        }
        return tokens.build().toArray();
    }

    private boolean hasControlToken(String text) {
        return IntStream.range(0, text.length()).anyMatch(i -> controlAt(text, i) > 0);
    }

    /** The length of the longest control token at an index of a text; 0 if there is none. */
    private int controlAt(String text, int at) {
        return tokenizer.controlTexts(text.charAt(at)).stream()
                .filter(control -> text.startsWith(control, at))
                .mapToInt(String::length)
                .findFirst()
                .orElse(0);
    }

    private int[] joined(String query, String document) {
        MemorySegment vocabulary = model.vocabulary().pointer();
        int separator = llama_h.llama_vocab_sep(vocabulary);
        int eos = llama_h.llama_vocab_eos(vocabulary);
        int[] end =
                token(
                        llama_h.llama_vocab_get_add_eos(vocabulary),
                        eos == llama_h.LLAMA_TOKEN_NULL() ? separator : eos);
        return Stream.of(
                        token(
                                llama_h.llama_vocab_get_add_bos(vocabulary),
                                llama_h.llama_vocab_bos(vocabulary)),
                        tokenizer.encode(query, false, false),
                        end,
                        token(llama_h.llama_vocab_get_add_sep(vocabulary), separator),
                        tokenizer.encode(document, false, false),
                        end)
                .flatMapToInt(IntStream::of)
                .toArray();
    }

    private static int[] token(boolean isWanted, int token) {
        return isWanted && token != llama_h.LLAMA_TOKEN_NULL() ? new int[] {token} : new int[0];
    }
}
