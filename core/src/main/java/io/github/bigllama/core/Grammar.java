package io.github.bigllama.core;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.bigllama.core.schema.JsonSchema;
import java.util.Objects;
import java.util.Optional;

/**
 * What an answer must be like: only tokens that go on in such a text are chosen. Immutable.
 *
 * @see <a href="https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md">GBNF</a>
 */
public final class Grammar {
    private final String gbnf;
    private final Optional<JsonSchema> schema;
    private final Optional<JsonNode> triggers;

    private Grammar(String gbnf, Optional<JsonSchema> schema, Optional<JsonNode> triggers) {
        this.gbnf = gbnf;
        this.schema = schema;
        this.triggers = triggers;
    }

    /**
     * A grammar in llama.cpp's notation, whose rule {@code root} is the whole answer.
     *
     * @throws IllegalArgumentException with the reason, if llama.cpp can't use it
     * @throws NativeLoadException if llama.cpp itself can't be loaded
     */
    public static Grammar gbnf(String source) {
        Common.requireText(source);
        if (source.isBlank()) {
            throw new IllegalArgumentException("the grammar is empty");
        }
        Common.checkGrammar(source);
        return new Grammar(source, Optional.empty(), Optional.empty());
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
            String gbnf = read.complete(Common.grammar(read.lowered().toString()));
            Common.checkGrammar(gbnf);
            return new Grammar(gbnf, Optional.of(read), Optional.empty());
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
        return Optional.of(
                new Grammar(
                        gbnf,
                        Optional.empty(),
                        applied.path("grammar_lazy").asBoolean()
                                ? Optional.of(applied.path("grammar_triggers"))
                                : Optional.empty()));
    }

    /** What a template has made of this grammar's schema, with the parts that it can't make. */
    Grammar complete(Grammar written) {
        return schema.map(own -> own.complete(written.gbnf))
                .map(whole -> new Grammar(whole, schema, written.triggers))
                .orElse(written);
    }

    String gbnf() {
        return gbnf;
    }

    /** The schema it was made of, if it was. */
    Optional<JsonSchema> schema() {
        return schema;
    }

    /** What it holds from on, as {@code bigllama.h} has it; empty if that is the beginning. */
    Optional<JsonNode> triggers() {
        return triggers;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Grammar grammar
                && gbnf.equals(grammar.gbnf)
                && triggers.equals(grammar.triggers);
    }

    @Override
    public int hashCode() {
        return Objects.hash(gbnf, triggers);
    }

    /** Its source. */
    @Override
    public String toString() {
        return gbnf;
    }
}
