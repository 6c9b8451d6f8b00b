package io.github.bigllama.internal.schema;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.internal.schema.value.NumberRange;
import io.github.bigllama.internal.schema.value.Validator;
import java.math.BigDecimal;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** A JSON schema (draft 2020-12) that answers must follow. Immutable and thread-safe. */
public final class JsonSchema {
    /** The depth to which the shim parses. */
    private static final int MOST_DEPTH = 190;

    private static final int MOST_DIGITS = 1000;

    private static final JsonMapper MAPPER =
            JsonMapper.builder(
                            new JsonFactoryBuilder()
                                    .streamReadConstraints(
                                            StreamReadConstraints.builder()
                                                    .maxNestingDepth(MOST_DEPTH)
                                                    .build())
                                    .build())
                    .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build();

    /**
     * Numbers in llama.cpp's grammars have exponents of up to 16 digits, which no parser accepts.
     */
    private static final Pattern NUMBER = Pattern.compile("^number ::= .*$", Pattern.MULTILINE);

    private final JsonNode source;
    private final Validator validator;
    private final ObjectNode lowered;
    private final Map<String, String> holes;

    private JsonSchema(JsonNode source, Enforcement enforcement) {
        List<String> errors = Validator.errorsOfSchema(source);
        if (!errors.isEmpty()) {
            throw new IllegalArgumentException("#" + errors.getFirst());
        }
        SubSchemas.check(source);
        this.source = source;
        validator = new Validator(source);
        SchemaLowering lowering = new SchemaLowering(source, validator, enforcement);
        ObjectNode sound = lowering.lower(List.of(new Place("#", source)));
        boolean isSoundItself =
                enforcement == Enforcement.CHECKED_LATER && PlainSchema.isPlain(source);
        lowered = isSoundItself ? (ObjectNode) source : sound;
        holes = lowering.holes();
    }

    /**
     * A schema that a grammar enforces while a model answers.
     *
     * @throws IllegalArgumentException if it is not JSON, not a schema, allows no value, or has a
     *     keyword that no grammar can enforce: with the JSON pointer of the keyword
     */
    public static JsonSchema ofAnswer(String text) {
        return of(text, Enforcement.WHILE_ANSWERING);
    }

    /**
     * A schema of values that are checked with {@link #errors}: it may have keywords that a grammar
     * can't enforce.
     *
     * @throws IllegalArgumentException if it is not JSON, not a schema, or allows no value
     */
    public static JsonSchema ofChecked(String text) {
        return of(text, Enforcement.CHECKED_LATER);
    }

    private static JsonSchema of(String text, Enforcement enforcement) {
        return new JsonSchema(
                read(text, "the schema", StreamReadFeature.STRICT_DUPLICATE_DETECTION),
                enforcement);
    }

    /**
     * Parses JSON: one value, whose numbers keep all their digits.
     *
     * @param what the name of the text in the message
     * @throws IllegalArgumentException if the text is not one JSON value
     */
    public static JsonNode read(String text, String what) {
        return read(text, what, StreamReadFeature.AUTO_CLOSE_SOURCE);
    }

    private static JsonNode read(String text, String what, StreamReadFeature feature) {
        try {
            JsonNode node = MAPPER.reader().with(feature).readTree(text);
            if (node.isMissingNode()) {
                throw new IllegalArgumentException(what + " is empty");
            }
            return node;
        } catch (JacksonException e) {
            throw new IllegalArgumentException(what + " is not JSON: " + reason(e), e);
        }
    }

    private static String reason(JacksonException e) {
        String reason =
                e.getOriginalMessage()
                        .replaceFirst("(?s)( \\(start marker at |\\n at \\[).*", "")
                        .replaceFirst(", from `[^`]*`", "");
        if (reason.startsWith("Trailing token")) {
            reason = "there is more text after its end";
        }
        // Errors about depth or length have no place.
        return e.getLocation() == null
                ? reason
                : String.format(
                        Locale.ROOT,
                        "%s (line %d, column %d)",
                        reason,
                        e.getLocation().getLineNr(),
                        e.getLocation().getColumnNr());
    }

    /** The schema as it was given. */
    public JsonNode source() {
        return source;
    }

    /** The schema for llama.cpp, which allows nothing that the source does not allow. */
    public ObjectNode lowered() {
        return lowered.deepCopy();
    }

    /** {@link #lowered} as the schema of one object; empty if the values are no objects. */
    public Optional<ObjectNode> object() {
        return ObjectForm.of(lowered());
    }

    /**
     * Completes a grammar that llama.cpp made from {@link #lowered} with the parts that llama.cpp
     * can't translate.
     */
    public String complete(String gbnf) {
        String whole = NUMBER.matcher(gbnf).replaceFirst("number ::= " + NumberRange.FREE);
        for (Map.Entry<String, String> hole : holes.entrySet()) {
            whole = whole.replace("\"" + hole.getKey() + "\"", hole.getValue());
        }
        return whole;
    }

    /** The errors in a value; empty if it is valid for this schema. */
    public List<String> errors(JsonNode value) {
        return isLarge(value)
                ? List.of(
                        String.format(
                                Locale.ROOT, "it has a number of more than %d digits", MOST_DIGITS))
                : validator.errors("#", value);
    }

    /** Whether a number is too large to be expanded, such as 1e999999999. */
    private static boolean isLarge(JsonNode value) {
        if (value.isNumber()) {
            BigDecimal number = value.decimalValue();
            return Math.abs((long) number.precision() - number.scale()) > MOST_DIGITS;
        }
        for (JsonNode part : value) {
            if (isLarge(part)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof JsonSchema schema && source.equals(schema.source);
    }

    @Override
    public int hashCode() {
        return source.hashCode();
    }

    @Override
    public String toString() {
        return source.toString();
    }
}
