package io.github.bigllama.core.structure;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.chat.Reply;
import io.github.bigllama.core.exception.NativeLoadException;
import io.github.bigllama.internal.llama.LlamaLibrary;
import io.github.bigllama.internal.llama.Shim;
import io.github.bigllama.internal.schema.JsonSchema;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
    private final Optional<String> triggers;
    private final String prefill;

    private Grammar(
            String gbnf, Optional<JsonSchema> schema, Optional<String> triggers, String prefill) {
        this.gbnf = gbnf;
        this.schema = schema;
        this.triggers = triggers;
        this.prefill = prefill;
    }

    /**
     * A grammar in llama.cpp's notation, whose rule {@code root} is the whole answer.
     *
     * @throws IllegalArgumentException with the reason, if llama.cpp can't use it
     * @throws NativeLoadException if llama.cpp itself can't be loaded
     */
    public static Grammar gbnf(String source) {
        Objects.requireNonNull(source, "source");
        Shim.requireText(source);
        if (source.isBlank()) {
            throw new IllegalArgumentException("the grammar is empty");
        }
        check(source);
        return new Grammar(source, Optional.empty(), Optional.empty(), "");
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
        Objects.requireNonNull(schema, "schema");
        LlamaLibrary.load();
        try {
            JsonSchema read = JsonSchema.ofAnswer(schema);
            String gbnf = read.complete(convert(read.lowered().toString()));
            check(gbnf);
            return new Grammar(gbnf, Optional.of(read), Optional.empty(), "");
        } catch (IllegalArgumentException | GrammarException e) {
            throw new IllegalArgumentException("cannot use the JSON schema: " + e.getMessage(), e);
        }
    }

    /**
     * Checks it before it is used, also for what llama.cpp would end the process on.
     *
     * @throws IllegalArgumentException with the reason, if llama.cpp can't use it
     */
    private static void check(String gbnf) {
        LlamaLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = arena.allocate(ValueLayout.ADDRESS);
            if (llama_h.bigllama_grammar_check(arena.allocateFrom(gbnf), error) == 0) {
                throw new IllegalArgumentException(
                        "the grammar can't be used: " + Shim.reason(error));
            }
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
        return json(Objects.requireNonNull(type, "type").schema());
    }

    /**
     * A grammar that holds only from a trigger on.
     *
     * @param triggers what it begins with, as JSON of llama.cpp's {@code common_grammar_trigger}
     */
    public static Grammar lazy(String gbnf, String triggers) {
        return new Grammar(
                Objects.requireNonNull(gbnf, "gbnf"),
                Optional.empty(),
                Optional.of(Objects.requireNonNull(triggers, "triggers")),
                "");
    }

    /**
     * This grammar for a text whose beginning is given: the end of the prompt, which the answer
     * goes on from.
     */
    public Grammar withPrefill(String text) {
        return new Grammar(gbnf, schema, triggers, Objects.requireNonNull(text, "text"));
    }

    /**
     * This grammar, which a chat template made with the schema of another one, with the parts of
     * the schema that llama.cpp can't make itself.
     *
     * @param wished the grammar whose {@link #schema} the template was given; without one nothing
     *     is changed
     */
    public Grammar withSchemaOf(Grammar wished) {
        return Objects.requireNonNull(wished, "wished")
                .schema
                .map(own -> new Grammar(own.complete(gbnf), wished.schema, triggers, prefill))
                .orElse(this);
    }

    /** Its source. */
    public String gbnf() {
        return gbnf;
    }

    /**
     * The schema it was made of, if it was, as a chat template is given it: rewritten to what
     * llama.cpp translates faithfully.
     */
    public Optional<JsonNode> schema() {
        return schema.map(JsonSchema::lowered);
    }

    /** What it holds from on, as JSON; empty if that is the beginning. */
    public Optional<String> triggers() {
        return triggers;
    }

    /** The beginning of the text that the prompt holds already. */
    public String prefill() {
        return prefill;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Grammar grammar
                && gbnf.equals(grammar.gbnf)
                && triggers.equals(grammar.triggers)
                && prefill.equals(grammar.prefill);
    }

    @Override
    public int hashCode() {
        return Objects.hash(gbnf, triggers, prefill);
    }

    /** Its source. */
    @Override
    public String toString() {
        return gbnf;
    }
}
