package io.github.bigllama.core.structure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.internal.schema.JsonSchema;
import io.github.bigllama.testing.DemoModel;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** JSON schemas: every complete answer is valid for the schema, or the schema is refused. */
class JsonSchemaTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "true",
                "{}",
                """
                {"type": "object"}""",
                """
                {"type": ["string", "null"], "minLength": 2, "maxLength": 3}""",
                """
                {"type": "string", "minLength": 2001, "maxLength": 2050}""",
                """
                {"type": "string", "minLength": 5}""",
                """
                {"type": "string", "maxLength": 100000}""",
                """
                {"type": "string", "pattern": "^\\\\d{3}-\\\\w+$"}""",
                """
                {"type": "string", "pattern": "b.d"}""",
                """
                {"type": "string", "pattern": "^(?:a|[^b\\"\\\\\\\\-]){2,4}\\\\s?\\"\\\\n\\\\u0001.*$"}""",
                """
                {"type": "string", "pattern": "^a|b$|^$"}""",
                """
                {"type": "string", "pattern": "^[a-c]{3}$", "minLength": 3, "maxLength": 3}""",
                """
                {"type": "string", "pattern": "^a{2500}b{0,3000}$"}""",
                """
                {"type": "integer", "minimum": -9223372036854775808, "maximum": 5}""",
                """
                {"type": "integer", "exclusiveMinimum": -1, "exclusiveMaximum": 12345}""",
                """
                {"type": "integer", "minimum": -3.5, "maximum": 1e3}""",
                """
                {"type": "integer", "minimum": 0}""",
                """
                {"type": "number", "minimum": 0, "maximum": 1}""",
                """
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.25}""",
                """
                {"type": "number", "minimum": -273.15}""",
                """
                {"type": "number", "minimum": -1.5, "maximum": -1.25}""",
                """
                {"type": "number", "maximum": 99.5, "minimum": 12, "exclusiveMinimum": 12}""",
                """
                {"type": "number", "multipleOf": 0.01, "minimum": 0, "maximum": 50}""",
                """
                {"minimum": 3}""",
                """
                {"enum": ["a", 1, null, {"b": [2.5]}], "type": ["string", "object"]}""",
                """
                {"enum": [1, 5, 9], "not": {"const": 5}, "minimum": 2}""",
                """
                {"const": "\\u0001\\"\\\\ \\n"}""",
                """
                {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 5000}""",
                """
                {"type": "array", "items": false}""",
                """
                {"type": "array", "prefixItems": [{"const": 1}, {"type": "null"}], "minItems": 3}""",
                """
                {"type": "object", "properties": {"a": {"type": "string"}, "b": true},
                 "required": ["a", "c"]}""",
                """
                {"type": "object", "properties": {"a\\"b": {"type": "null"}, "x": false}}""",
                """
                {"type": "object", "properties": {"": {"type": "null"},
                 "root": {"type": "integer"}, "string": {"type": "boolean"}},
                 "required": ["", "root", "string"]}""",
                """
                {"type": "object", "properties": {"a": {"type": "integer"}}, "minProperties": 1,
                 "additionalProperties": true}""",
                """
                {"type": "object", "additionalProperties": {"type": "integer", "maximum": 3}}""",
                """
                {"allOf": [{"$ref": "#/$defs/a"}, {"properties": {"y": {"type": "integer"}},
                 "required": ["y"]}],
                 "$defs": {"a": {"type": "object", "properties": {"x": {"type": "string"}},
                 "required": ["x"]}}}""",
                """
                {"$defs": {"a%b": {"type": "integer"}, "a-b": {"type": "string"}},
                 "type": "object", "properties": {"x": {"$ref": "#/$defs/a%25b"},
                 "y": {"$ref": "#/$defs/a-b"}}, "required": ["x", "y"]}""",
                """
                {"$ref": "#/$defs/n", "description": "of a list", "$defs": {"n": {"type": "object",
                 "properties": {"v": {"type": "integer"}, "next": {"$ref": "#/$defs/n"}},
                 "required": ["v"]}}}""",
                """
                {"type": "object", "properties": {"a": {"$ref": "#/$defs/e", "maxLength": 1}},
                 "required": ["a"], "$defs": {"e": {"enum": ["x", "xx"]}}}""",
                """
                {"oneOf": [{"type": "string"}, {"type": "null"}, {"type": "integer"}]}""",
                """
                {"oneOf": [{"type": "object", "properties": {"k": {"const": "a"}},
                 "required": ["k"]}, {"type": "object", "properties": {"k": {"const": "b"}},
                 "required": ["k"]}]}""",
                """
                {"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
                 "properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}}}""",
                """
                {"type": "string", "format": "date"}""",
                """
                {"type": "string", "format": "date-time"}""",
                """
                {"type": "string", "format": "email"}""",
                """
                {"type": "string", "format": "ipv4"}""",
                """
                {"type": "string", "format": "ipv6"}""",
                """
                {"type": "string", "format": "uri"}""",
                """
                {"type": "string", "format": "hostname", "maxLength": 1000}""",
                """
                {"type": "string", "format": "duration"}""",
                """
                {"type": "string", "format": "idn-hostname"}""",
                """
                {"type": "object", "properties": {"date time": {"type": "integer"},
                 "at": {"type": "string", "format": "date-time"}}, "required": ["date time", "at"]}""",
                """
                {"type": "object", "propertyNames": {"maxLength": 2},
                 "properties": {"aa": {"type": "null"}, "bbb": {"type": "null"}}}"""
            })
    void everyAnswerIsOfTheSchema(String schema) {
        Grammar grammar = Grammar.json(schema);
        Schema validator =
                SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                        .getSchema(Json.read(schema));
        try (LlamaModel model = DemoModel.load();
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            GenerationOptions options =
                    GenerationOptions.greedy().withMaxTokens(1).withGrammar(grammar);
            session.generate("a", options).text();
        }
        GbnfWalk walk = new GbnfWalk(grammar.toString());
        Random random = new Random(3);
        for (int i = 0; i < 200; i++) {
            String text = walk.text(random);
            JsonNode value = JsonSchema.read(text, "the answer");
            assertThat(
                            validator.validate(
                                    value,
                                    context ->
                                            context.executionConfig(
                                                    config ->
                                                            config.formatAssertionsEnabled(true))))
                    .as(text)
                    .isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            textBlock =
                    """
                    {"type": "string", "minLength": 5, "maxLength": 2}       ; #/minLength
                    {"type": "array", "minItems": 3, "maxItems": 1}          ; #/minItems
                    {"type": "array", "minItems": 100000}                    ; #/minItems
                    {"type": "array", "uniqueItems": true}                   ; #/uniqueItems
                    {"type": "array", "contains": {"type": "null"}}          ; #/contains
                    {"type": "integer", "minimum": 3, "maximum": 2}          ; #/minimum
                    {"type": "integer", "multipleOf": 7}                     ; #/multipleOf
                    {"type": "integer", "minimum": 99999999999999999999}     ; #/minimum
                    {"type": "integer", "maximum": -9223372036854775807}     ; #/maximum
                    {"type": "string", "pattern": "^ab+$", "maxLength": 500} ; #/pattern
                    {"type": "string", "pattern": "(?=a)b"}                  ; #/pattern
                    {"type": "string", "pattern": "\\\\bword"}               ; #/pattern
                    {"type": "string", "pattern": "a(b"}                     ; #/pattern
                    {"type": "string", "pattern": "^a$", "minLength": 2}     ; #/pattern
                    {"type": "string", "pattern": "^a+$", "minLength": 2}    ; #/pattern
                    {"type": "string", "format": "regex"}                    ; #/format
                    {"not": {"type": "string"}}                              ; #/not
                    {"if": {"type": "string"}, "then": {"minLength": 2}}     ; #/if
                    {"properties": {"a/b": {"not": {}}}}                     ; #/properties/a~1b/not
                    {"patternProperties": {"a": {"type": "null"}}}           ; #/patternProperties
                    {"propertyNames": {"maxLength": 2}}                      ; #/propertyNames
                    {"type": "object", "minProperties": 1}                   ; #/minProperties
                    {"dependentRequired": {"a": ["b"]}}                      ; #/dependentRequired
                    {"required": ["a"], "properties": {"a": false}}          ; #/properties/a
                    {"$ref": "https://example.com/x"}                        ; #/$ref
                    {"$ref": "#/$defs/none"}                                 ; #/$ref
                    {"$dynamicRef": "#x"}                                    ; #/$dynamicRef
                    {"const": 1e400}                                         ; #/const
                    {"enum": [12345678901234567890123]}                      ; #/enum
                    {"enum": ["a"], "minLength": 2}                          ; #/enum
                    {"oneOf": [{"minLength": 1}, {"maxLength": 5}]}          ; #/oneOf
                    {"type": "strin"}                                        ; #/type
                    {"minLength": "2"}                                       ; #/minLength
                    {"$ref": "#"}                                            ; #
                    {"required": ["a"], "properties": {"a": {"$ref": "#"}}}  ; #
                    false                                                    ; #
                    """)
    void whatCannotBeEnforcedIsRefusedByItsName(String schema, String pointer) {
        Assertions.assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> Grammar.json(schema))
                .withMessageStartingWith("cannot use the JSON schema: " + pointer);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "[]",
                "7",
                """
                {"type": "string"} more""",
                """
                {"type": "string", "type": "null"}"""
            })
    void whatIsNotASchemaIsRefused(String text) {
        assertThatThrownBy(() -> Grammar.json(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("cannot use the JSON schema: ");
    }

    @Test
    void largeAndDeepSchemasTakeNoTimeOrAreRefused() {
        String deep = "{\"items\":".repeat(150) + "{}" + "}".repeat(150);
        String bomb =
                """
                {"type":"string","pattern":"^((((a{1000}){1000}){1000}){1000})$"}""";
        StringBuilder twins =
                new StringBuilder(
                        """
                        {"$ref":"#/$defs/d0","$defs":{""");
        for (int i = 0; i < 40; i++) {
            twins.append(
                    String.format(
                            Locale.ROOT,
                            """
                            "d%d":{"allOf":[{"anyOf":[{"$ref":"#/$defs/d%d"},{"title":"a"}]},{"anyOf":[{"title":"b"},{"title":"c"}]}]},""",
                            i,
                            i + 1));
        }
        twins.append(
                """
                "d40":{"type":"string"}}}""");
        String itself =
                """
                {"anyOf":[{"$ref":"#"},{"type":"string"}]}""";
        for (String schema : List.of(deep, bomb, twins.toString(), itself)) {
            Assertions.assertThat(Duration.ofSeconds(20))
                    .isGreaterThan(
                            timed(
                                    () -> {
                                        try {
                                            Grammar.json(schema);
                                        } catch (IllegalArgumentException e) {
                                            assertThat(e).hasMessageContaining("#");
                                        }
                                    }));
        }
    }

    private static Duration timed(Runnable work) {
        long start = System.nanoTime();
        assertThatCode(work::run).doesNotThrowAnyException();
        return Duration.ofNanos(System.nanoTime() - start);
    }
}
