package io.github.bigllama.core.structure;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.chat.Reply;
import io.github.bigllama.core.exception.NativeLoadException;
import io.github.bigllama.internal.llama.LlamaLibrary;
import io.github.bigllama.internal.llama.Shim;
import io.github.bigllama.internal.llama.TokenReferences;
import io.github.bigllama.internal.schema.JsonSchema;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The form that an answer must have: only tokens that the grammar allows next are chosen.
 * Immutable.
 *
 * @see <a href="https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md">GBNF</a>
 */
public final class Grammar {
    private final String gbnf;
    private final @Nullable JsonSchema schema;
    private final @Nullable String triggers;
    private final String prefill;

    private Grammar(
            String gbnf, @Nullable JsonSchema schema, @Nullable String triggers, String prefill) {
        this.gbnf = gbnf;
        this.schema = schema;
        this.triggers = triggers;
        this.prefill = prefill;
    }

    /**
     * A grammar in llama.cpp's GBNF notation, whose rule {@code root} describes the whole answer.
     *
     * @throws IllegalArgumentException if llama.cpp can't use the grammar, with the reason
     * @throws NativeLoadException if llama.cpp itself can't be loaded
     */
    public static Grammar gbnf(String source) {
        Objects.requireNonNull(source, "source");
        Shim.requireText(source);
        if (source.isBlank()) {
            throw new IllegalArgumentException("the grammar is empty");
        }
        TokenReferences.check(source);
        check(source);
        return new Grammar(source, null, null, "");
    }

    /**
     * A grammar for the JSON of a schema, draft 2020-12.
     *
     * <p>Every complete answer is valid for the schema. Keywords that no grammar can enforce are
     * refused rather than ignored: {@code not}, {@code if}, {@code uniqueItems}, {@code contains},
     * {@code patternProperties} and a few others. Objects get only the properties that are listed,
     * unless none is.
     *
     * @param schema a JSON schema
     * @throws IllegalArgumentException if it is not JSON, not a schema, allows no value at all, or
     *     has a keyword that can't be enforced: with the JSON pointer of the keyword
     * @throws NativeLoadException if llama.cpp itself can't be loaded
     */
    public static Grammar json(String schema) {
        Objects.requireNonNull(schema, "schema");
        LlamaLibrary.load();
        try {
            JsonSchema read = JsonSchema.ofAnswer(schema);
            String gbnf = read.complete(convert(read.lowered().toString()));
            check(gbnf);
            return new Grammar(gbnf, read, null, "");
        } catch (IllegalArgumentException | GrammarException e) {
            throw new IllegalArgumentException("cannot use the JSON schema: " + e.getMessage(), e);
        }
    }

    /**
     * Checks a grammar before it is used, including for errors on which llama.cpp would end the
     * process.
     *
     * @throws IllegalArgumentException if llama.cpp can't use the grammar, with the reason
     */
    private static void check(String gbnf) {
        LlamaLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = arena.allocate(ValueLayout.ADDRESS);
            if (llama_h.bigllama_grammar_check(arena.allocateFrom(gbnf), error) == 0) {
                throw new IllegalArgumentException("cannot use the grammar: " + Shim.reason(error));
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
     * A grammar for the JSON of a class: a record, or another type that {@link JsonType} supports.
     * {@link Reply#as(Class)} parses the answer.
     *
     * @throws IllegalArgumentException if a part of the class has no JSON schema
     */
    public static Grammar of(Class<?> type) {
        return of(JsonType.of(type));
    }

    /**
     * A grammar for the JSON of a type. {@link Reply#as(JsonType)} parses the answer.
     *
     * @throws IllegalArgumentException if a part of the type can't be enforced
     */
    public static Grammar of(JsonType<?> type) {
        return json(Objects.requireNonNull(type, "type").schema());
    }

    /**
     * A grammar that applies only from a trigger on.
     *
     * @param triggers the triggers, as JSON of llama.cpp's {@code common_grammar_trigger}
     */
    public static Grammar lazy(String gbnf, String triggers) {
        return new Grammar(
                Objects.requireNonNull(gbnf, "gbnf"),
                null,
                Objects.requireNonNull(triggers, "triggers"),
                "");
    }

    /** This grammar for an answer that continues a given text, the end of the prompt. */
    public Grammar withPrefill(String text) {
        return new Grammar(gbnf, schema, triggers, Objects.requireNonNull(text, "text"));
    }

    /**
     * This grammar, which a chat template made for the schema of another one, completed with the
     * parts of the schema that llama.cpp can't translate.
     *
     * @param wished the grammar whose {@link #schema} the template was given; without a schema
     *     nothing is changed
     */
    public Grammar withSchemaOf(Grammar wished) {
        JsonSchema own = Objects.requireNonNull(wished, "wished").schema;
        return own == null ? this : new Grammar(own.complete(gbnf), own, triggers, prefill);
    }

    /** Its source. */
    public String gbnf() {
        return gbnf;
    }

    /**
     * The schema that the grammar was made from, if any, in the form for chat templates: rewritten
     * to the keywords that llama.cpp translates faithfully.
     */
    public Optional<JsonNode> schema() {
        return Optional.ofNullable(schema).map(JsonSchema::lowered);
    }

    /**
     * The triggers from which the grammar applies, as JSON; empty if it applies from the beginning.
     */
    public Optional<String> triggers() {
        return Optional.ofNullable(triggers);
    }

    /** The beginning of the text, which is already part of the prompt. */
    public String prefill() {
        return prefill;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Grammar grammar
                && gbnf.equals(grammar.gbnf)
                && Objects.equals(triggers, grammar.triggers)
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
