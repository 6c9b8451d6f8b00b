package io.github.bigllama.internal.schema.value;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.Error;
import com.networknt.schema.ExecutionConfig;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SchemaRegistryConfig;
import com.networknt.schema.SpecificationVersion;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Validates values against a schema, or a part of it. Thread-safe. */
public final class Validator {
    private static final String DOCUMENT = "urn:bigllama:schema";
    private static final SchemaRegistryConfig CONFIG =
            SchemaRegistryConfig.builder().regularExpressionFactory(Patterns::compile).build();
    private static final Schema META_SCHEMA;

    static {
        // The validator logs through SLF4J, which complains on stderr if a program has no logger
        // for it.
        String verbosity = "slf4j.internal.verbosity";
        boolean isOpen = System.getProperty(verbosity) == null;
        if (isOpen) {
            System.setProperty(verbosity, "ERROR");
        }
        try {
            META_SCHEMA =
                    registry(Map.of())
                            .getSchema(
                                    SchemaLocation.of(
                                            SpecificationVersion.DRAFT_2020_12.getDialectId()));
        } finally {
            if (isOpen) {
                System.clearProperty(verbosity);
            }
        }
    }

    private final SchemaRegistry registry;
    private final Map<String, Schema> parts = new ConcurrentHashMap<>();

    public Validator(JsonNode schema) {
        JsonNode document = schema;
        if (schema instanceof ObjectNode object) {
            // References are within the document, whatever its $id, and in this dialect.
            document = object.deepCopy().without(List.of("$id", "$schema"));
        }
        registry = registry(Map.of(DOCUMENT, document.toString()));
    }

    private static SchemaRegistry registry(Map<String, String> documents) {
        return SchemaRegistry.withDefaultDialect(
                SpecificationVersion.DRAFT_2020_12,
                builder -> builder.schemas(documents).schemaRegistryConfig(CONFIG));
    }

    /** The errors in a schema itself; empty if it is valid. */
    public static List<String> errorsOfSchema(JsonNode schema) {
        return texts(META_SCHEMA.validate(schema));
    }

    /**
     * The errors in a value; empty if it is valid.
     *
     * @param pointer the part of the schema: # for all
     */
    public List<String> errors(String pointer, JsonNode value) {
        try {
            Schema part =
                    parts.computeIfAbsent(
                            pointer, key -> registry.getSchema(SchemaLocation.of(DOCUMENT + key)));
            return texts(
                    part.validate(
                            value,
                            context ->
                                    context.executionConfig(
                                            (ExecutionConfig.Builder config) ->
                                                    config.formatAssertionsEnabled(true)
                                                            .locale(Locale.ROOT))));
        } catch (StackOverflowError e) {
            return List.of(
                    "it can't be checked: the schema at %s is infinitely nested"
                            .formatted(pointer));
        } catch (RuntimeException e) {
            return List.of("it can't be checked by the schema at " + pointer);
        }
    }

    private static List<String> texts(List<Error> errors) {
        return errors.stream().map(error -> text(error)).distinct().toList();
    }

    private static String text(Error error) {
        String place = String.valueOf(error.getInstanceLocation());
        return (place.isEmpty() ? "" : place + " ") + error.getMessage();
    }
}
