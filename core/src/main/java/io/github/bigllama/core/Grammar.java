package io.github.bigllama.core;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What an answer must be like: only tokens that go on in such a text are chosen. Immutable.
 *
 * @see <a href="https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md">GBNF</a>
 */
public final class Grammar {
    /** {@code COMMON_GRAMMAR_TRIGGER_TYPE_…} of llama.cpp. */
    private static final int TOKEN = 0;

    private static final int WORD = 1;
    private static final int PATTERN_FULL = 3;

    private final String gbnf;
    private final Optional<JsonNode> schema;
    private final List<String> patterns;
    private final List<Integer> tokens;
    private final boolean lazy;

    private Grammar(
            String gbnf,
            Optional<JsonNode> schema,
            boolean lazy,
            List<String> patterns,
            List<Integer> tokens) {
        this.gbnf = gbnf;
        this.schema = schema;
        this.lazy = lazy;
        this.patterns = List.copyOf(patterns);
        this.tokens = List.copyOf(tokens);
    }

    /** A grammar in llama.cpp's notation, whose rule {@code root} is the whole answer. */
    public static Grammar gbnf(String source) {
        Common.requireText(source);
        if (source.isBlank()) {
            throw new IllegalArgumentException("the grammar is empty");
        }
        return new Grammar(source, Optional.empty(), false, List.of(), List.of());
    }

    /**
     * JSON of a schema.
     *
     * @param schema a JSON schema
     * @throws IllegalArgumentException if it is not JSON
     * @throws ChatTemplateException if llama.cpp can't make a grammar of it
     * @throws NativeLoadException if llama.cpp itself can't be loaded
     */
    public static Grammar json(String schema) {
        LlamaRuntime.load();
        try {
            JsonNode node = Json.MAPPER.readTree(schema);
            return new Grammar(
                    Common.grammar(node.toString()),
                    Optional.of(node),
                    false,
                    List.of(),
                    List.of());
        } catch (JacksonException e) {
            throw new IllegalArgumentException("the schema is not JSON: " + Json.reason(e), e);
        }
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

    /** What a template has made of the wishes for a reply; empty if it may be anything. */
    static Optional<Grammar> of(JsonNode applied) {
        String gbnf = applied.path("grammar").asText();
        if (gbnf.isEmpty()) {
            return Optional.empty();
        }
        List<String> patterns = new ArrayList<>();
        List<Integer> tokens = new ArrayList<>();
        for (JsonNode trigger : applied.path("grammar_triggers")) {
            String value = trigger.path("value").asText();
            switch (trigger.path("type").asInt()) {
                case TOKEN -> tokens.add(trigger.path("token").asInt());
                case WORD -> patterns.add("[\\s\\S]*?(" + quote(value) + ")[\\s\\S]*");
                case PATTERN_FULL -> patterns.add("^" + value + "$");
                default -> patterns.add("^[\\s\\S]*?(" + value + ")[\\s\\S]*$");
            }
        }
        return Optional.of(
                new Grammar(
                        gbnf,
                        Optional.empty(),
                        applied.path("grammar_lazy").asBoolean(),
                        patterns,
                        tokens));
    }

    /** As a pattern of C++, which matches the text itself. */
    private static String quote(String text) {
        return text.replaceAll("[.^$|()*+?\\[\\]{}\\\\]", "\\\\$0");
    }

    String gbnf() {
        return gbnf;
    }

    /** The schema it was made of, if it was. */
    Optional<JsonNode> schema() {
        return schema;
    }

    /** Whether it holds only from one of the triggers on. */
    boolean isLazy() {
        return lazy;
    }

    List<String> triggerPatterns() {
        return patterns;
    }

    List<Integer> triggerTokens() {
        return tokens;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Grammar grammar
                && gbnf.equals(grammar.gbnf)
                && lazy == grammar.lazy
                && patterns.equals(grammar.patterns)
                && tokens.equals(grammar.tokens);
    }

    @Override
    public int hashCode() {
        return Objects.hash(gbnf, lazy, patterns, tokens);
    }

    /** Its source. */
    @Override
    public String toString() {
        return gbnf;
    }
}
