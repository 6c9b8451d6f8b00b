package io.github.bigllama.internal.schema;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/**
 * A part of a schema, and its place.
 *
 * @param pointer a JSON pointer as a fragment: {@code #/properties/name}
 */
record Place(String pointer, JsonNode schema) {
    Place child(String name) {
        return new Place(
                pointer + "/" + name.replace("~", "~0").replace("/", "~1"), schema.get(name));
    }

    List<Place> elements() {
        List<Place> elements = new ArrayList<>();
        for (int i = 0; i < schema.size(); i++) {
            elements.add(new Place(pointer + "/" + i, schema.get(i)));
        }
        return elements;
    }

    boolean has(String keyword) {
        return schema.has(keyword);
    }

    IllegalArgumentException fail(String reason) {
        return new IllegalArgumentException(pointer + ": " + reason);
    }
}
