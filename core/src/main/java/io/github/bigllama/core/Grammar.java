package io.github.bigllama.core;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
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
    private final Optional<JsonNode> triggers;

    private Grammar(String gbnf, Optional<JsonNode> schema, Optional<JsonNode> triggers) {
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
                    Common.grammar(node.toString()), Optional.of(node), Optional.empty());
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
        return Optional.of(
                new Grammar(
                        gbnf,
                        Optional.empty(),
                        applied.path("grammar_lazy").asBoolean()
                                ? Optional.of(applied.path("grammar_triggers"))
                                : Optional.empty()));
    }

    String gbnf() {
        return gbnf;
    }

    /** The schema it was made of, if it was. */
    Optional<JsonNode> schema() {
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
