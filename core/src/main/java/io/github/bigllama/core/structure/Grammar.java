package io.github.bigllama.core.structure;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.chat.Reply;
import io.github.bigllama.core.exception.NativeLoadException;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.internal.llama.LlamaLibrary;
import io.github.bigllama.internal.llama.Shim;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What an answer must be like: only tokens that go on in such a text are chosen. Immutable.
 *
 * @see <a href="https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md">GBNF</a>
 */
public final class Grammar {
    private final String gbnf;
    private final Optional<JsonNode> schema;
    private final List<String> patterns;
    private final List<Integer> tokens;
    private final boolean lazy;
    private final String prefill;

    private Grammar(
            String gbnf,
            Optional<JsonNode> schema,
            boolean lazy,
            List<String> patterns,
            List<Integer> tokens,
            String prefill) {
        this.gbnf = gbnf;
        this.schema = schema;
        this.lazy = lazy;
        this.prefill = prefill;
        this.patterns = List.copyOf(patterns);
        this.tokens = List.copyOf(tokens);
    }

    /** A grammar in llama.cpp's notation, whose rule {@code root} is the whole answer. */
    public static Grammar gbnf(String source) {
        Shim.requireText(source);
        if (source.isBlank()) {
            throw new IllegalArgumentException("the grammar is empty");
        }
        return new Grammar(source, Optional.empty(), false, List.of(), List.of(), "");
    }

    /**
     * JSON of a schema.
     *
     * @param schema a JSON schema
     * @throws IllegalArgumentException if it is not JSON
     * @throws GrammarException if llama.cpp can't make a grammar of it
     * @throws NativeLoadException if llama.cpp itself can't be loaded
     */
    public static Grammar json(String schema) {
        LlamaLibrary.load();
        try {
            JsonNode node = Json.MAPPER.readTree(schema);
            return new Grammar(
                    convert(node.toString()), Optional.of(node), false, List.of(), List.of(), "");
        } catch (JacksonException e) {
            throw new IllegalArgumentException("the schema is not JSON: " + Json.reason(e), e);
        }
    }

    private static String convert(String schema) {
        Shim.requireText(schema);
        return Shim.text(
                GrammarException::new,
                "cannot make a grammar of the JSON schema",
                (arena, error) ->
                        llama_h.bigllama_schema_to_grammar(arena.allocateFrom(schema), error));
    }

    /**
     * JSON of a record class; {@link Reply#as} makes an instance of it.
     *
     * @throws IllegalArgumentException if it has a component of another kind than {@link
     *     RecordSchema} tells
     */
    public static Grammar of(Class<? extends Record> type) {
        return json(RecordSchema.of(type));
    }

    /**
     * A grammar that holds only from a trigger on ({@code
     * llama_sampler_init_grammar_lazy_patterns}).
     *
     * @param patterns regular expressions of C++ for the whole text; the grammar begins with the
     *     first group
     * @param tokens tokens with which it begins
     */
    public static Grammar lazy(String gbnf, List<String> patterns, List<Integer> tokens) {
        return new Grammar(gbnf, Optional.empty(), true, patterns, tokens, "");
    }

    /**
     * This grammar for a text whose beginning is given: the end of the prompt, which the answer
     * goes on from.
     */
    public Grammar withPrefill(String text) {
        return new Grammar(gbnf, schema, lazy, patterns, tokens, text);
    }

    /** Its source. */
    public String gbnf() {
        return gbnf;
    }

    /** The schema it was made of, if it was. */
    public Optional<JsonNode> schema() {
        return schema;
    }

    /** Whether it holds only from one of the triggers on. */
    public boolean isLazy() {
        return lazy;
    }

    /** What makes a lazy grammar begin: regular expressions. */
    public List<String> triggerPatterns() {
        return patterns;
    }

    /** What makes a lazy grammar begin: tokens. */
    public List<Integer> triggerTokens() {
        return tokens;
    }

    /** The beginning of the text that the prompt holds already. */
    public String prefill() {
        return prefill;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Grammar grammar
                && gbnf.equals(grammar.gbnf)
                && lazy == grammar.lazy
                && patterns.equals(grammar.patterns)
                && tokens.equals(grammar.tokens)
                && prefill.equals(grammar.prefill);
    }

    @Override
    public int hashCode() {
        return Objects.hash(gbnf, lazy, patterns, tokens, prefill);
    }

    /** Its source. */
    @Override
    public String toString() {
        return gbnf;
    }
}
