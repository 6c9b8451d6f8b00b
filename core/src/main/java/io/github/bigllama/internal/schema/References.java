package io.github.bigllama.internal.schema;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;

/** Resolves {@code $ref} within the same document. */
final class References {
    private final JsonNode root;

    References(JsonNode root) {
        this.root = root;
    }

    /**
     * The schema that a reference refers to.
     *
     * @throws IllegalArgumentException if it is not in the document
     */
    Place target(Place reference) {
        String text = reference.schema().asText();
        if (!text.equals("#") && !text.startsWith("#/")) {
            throw reference.fail("only references like #/$defs/name can be followed, not " + text);
        }
        String pointer;
        try {
            pointer = URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw reference.fail("the reference " + text + " is not a URI");
        }
        Place place = new Place("#", root);
        for (String part : pointer.substring(1).split("/", -1)) {
            if (pointer.length() == 1 || (place.pointer().equals("#") && part.isEmpty())) {
                continue;
            }
            place = step(place, part.replace("~1", "/").replace("~0", "~"));
            if (place.schema() == null) {
                throw reference.fail("there is nothing at " + text);
            }
            if (place.has("$id")) {
                throw reference.fail("references into a part with its own $id can't be followed");
            }
        }
        return place;
    }

    private static Place step(Place place, String name) {
        return place.schema().isArray() && name.matches("\\d{1,9}")
                ? new Place(
                        place.pointer() + "/" + name, place.schema().get(Integer.parseInt(name)))
                : place.child(name);
    }
}
