package io.github.bigllama.core;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.bigllama.core.schema.JsonSchema;
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
    private final Optional<JsonSchema> schema;
    private final List<String> patterns;
    private final List<Integer> tokens;
    private final boolean lazy;

    private Grammar(
            String gbnf,
            Optional<JsonSchema> schema,
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
     * JSON of a schema, draft 2020-12.
     *
     * <p>Every complete answer is of the schema. What no grammar can see to is refused, rather than
     * left out: {@code not}, {@code if}, {@code uniqueItems}, {@code contains}, {@code
     * patternProperties} and a few others. Objects get no properties but those that are listed,
     * unless none is.
     *
     * @param schema a JSON schema
     * @throws IllegalArgumentException if it is not JSON, not a schema, allows no value at all, or
     *     says what can't be enforced: with the JSON pointer of the keyword
     * @throws NativeLoadException if llama.cpp itself can't be loaded
     */
    public static Grammar json(String schema) {
        LlamaRuntime.load();
        try {
            JsonSchema read = JsonSchema.ofAnswer(schema);
            return new Grammar(
                    read.complete(Common.grammar(read.lowered().toString())),
                    Optional.of(read),
                    false,
                    List.of(),
                    List.of());
        } catch (IllegalArgumentException | ChatTemplateException e) {
            throw new IllegalArgumentException("cannot use the JSON schema: " + e.getMessage(), e);
        }
    }

    /**
     * JSON of a class: a record, or what else {@link JsonType} tells. {@link Reply#as(Class)} makes
     * an instance of it.
     *
     * @throws IllegalArgumentException if a part of it has no JSON schema
     */
    public static Grammar of(Class<?> type) {
        return of(JsonType.of(type));
    }

    /**
     * JSON of a type; {@link Reply#as(JsonType)} makes an instance of it.
     *
     * @throws IllegalArgumentException if it has a part that can't be enforced
     */
    public static Grammar of(JsonType<?> type) {
        return json(type.schema());
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

    /** What a template has made of this grammar's schema, with the parts that it can't make. */
    Grammar complete(Grammar written) {
        return schema.map(
                        own ->
                                new Grammar(
                                        own.complete(written.gbnf),
                                        schema,
                                        written.lazy,
                                        written.patterns,
                                        written.tokens))
                .orElse(written);
    }

    String gbnf() {
        return gbnf;
    }

    /** The schema it was made of, if it was. */
    Optional<JsonSchema> schema() {
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
