package io.github.bigllama.internal.schema;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.internal.regex.Regex;
import io.github.bigllama.internal.regex.RegexParser;
import io.github.bigllama.internal.schema.value.Formats;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Rewrites schemas of strings: all other keywords become one pattern. */
final class StringLowering {
    /** llama.cpp takes a larger length as unlimited, or refuses it. */
    private static final int MOST_OF_LLAMA = 2000;

    private StringLowering() {}

    static ObjectNode lower(SchemaLowering lowering, Facts facts) {
        Bounds length = Bounds.of(facts, "minLength", "maxLength");
        List<Place> places = new ArrayList<>();
        List<Regex> regexes = new ArrayList<>();
        for (Place place : facts.all("pattern")) {
            try {
                regexes.add(RegexParser.parse(place.schema().asText()));
                places.add(place);
            } catch (IllegalArgumentException e) {
                lowering.unsupported(place, e.getMessage());
            }
        }
        for (Place place : facts.all("format")) {
            String format = place.schema().asText();
            Optional<Regex> regex = Formats.regex(format);
            if (regex.isPresent()) {
                regexes.add(regex.get());
                places.add(place);
            } else if (Formats.isOfStrings(format)) {
                lowering.unsupported(place, "the format " + format + " can't be enforced");
            }
        }
        ObjectNode lowered = SchemaLowering.NODES.objectNode().put("type", "string");
        if (regexes.isEmpty()) {
            return length.isFree() ? lowered : withLength(lowering, facts, length, lowered);
        }
        if (regexes.stream().distinct().count() > 1) {
            lowering.unsupported(
                    places.get(1), "only one pattern or format of a string can be enforced");
        }
        Regex regex = regexes.getFirst();
        if (regex.longest() < length.min() || regex.shortest() > length.max()) {
            throw new Unsatisfiable(
                    places.getFirst().pointer(),
                    String.format(
                            Locale.ROOT,
                            "its strings have %d to %d characters, but must have %d to %d",
                            regex.shortest(),
                            regex.longest(),
                            length.min(),
                            length.max()));
        }
        if (regex.shortest() < length.min() || regex.longest() > length.max()) {
            lowering.unsupported(
                    places.getFirst(), "it can't be enforced together with minLength or maxLength");
        }
        return lowered.put("pattern", regex.pattern());
    }

    private static ObjectNode withLength(
            SchemaLowering lowering, Facts facts, Bounds length, ObjectNode lowered) {
        if (lowering.isCheckedLater()) {
            lowered.put("minLength", Math.min(length.min(), MOST_OF_LLAMA));
            return length.max() <= MOST_OF_LLAMA ? lowered.put("maxLength", length.max()) : lowered;
        }
        if (length.min() > Regex.MOST_REPETITIONS) {
            lowering.unsupported(
                    facts.all("minLength").getFirst(),
                    "more than " + Regex.MOST_REPETITIONS + " characters can't be enforced");
        }
        int max =
                length.max() == Bounds.UNLIMITED
                        ? Regex.UNLIMITED
                        : Math.min(length.max(), Regex.MOST_REPETITIONS);
        return lowered.put("pattern", Regex.text(length.min(), max).pattern());
    }
}
