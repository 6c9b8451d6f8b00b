package io.github.bigllama.core;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.bindings.FileName;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.internal.engine.Lane;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.internal.llama.LlamaLog;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Moves the contents of a session between its KV cache and a {@link SessionFile}. */
final class SessionSnapshot {
    private static final int VERSION = 2;

    private SessionSnapshot() {}

    /** Saves the session, with a text if it is not null; the caller is inside it. */
    static void save(LlamaSession session, Path file, @Nullable String attachment) {
        if (session.lane().sequence().holdsMedia()) {
            throw new SessionException(
                    "cannot write session file "
                            + file
                            + ": the conversation has images or sounds, which session files can't hold",
                    List.of());
        }
        session.lane().settle();
        ObjectNode description = Json.object();
        description.put("version", VERSION);
        description.put("model", session.model().path().getFileName().toString());
        description.put("fingerprint", session.model().fingerprint());
        description.put("tokens", session.lane().sequence().used());
        description.put("key_type", session.options().keyType().toString());
        description.put("value_type", session.options().valueType().toString());
        description.set("adapters", adapters(session));
        if (attachment != null) {
            description.put("attachment", attachment);
        }
        try {
            SessionFile.write(file, path -> write(session, path), description);
        } catch (IOException e) {
            throw new SessionException(
                    "cannot write session file " + file + ": " + reason(e), List.of(), e);
        }
    }

    /** The adapters that the KV cache was computed with, in an order that is always the same. */
    private static ArrayNode adapters(LlamaSession session) {
        ArrayNode array = Json.array();
        session.adapters().entrySet().stream()
                .filter(entry -> entry.getValue() != 0)
                .sorted(
                        Comparator.comparing(
                                        (Map.Entry<Adapter, Float> entry) ->
                                                entry.getKey().loaded().fingerprint())
                                .thenComparing(Map.Entry::getValue))
                .forEach(
                        entry ->
                                array.addObject()
                                        .put("file", entry.getKey().path().getFileName().toString())
                                        .put("fingerprint", entry.getKey().loaded().fingerprint())
                                        .put("scale", entry.getValue().toString()));
        return array;
    }

    /** What tells adapters apart: neither their files' names nor formats of numbers. */
    private static List<String> identities(JsonNode adapters) {
        List<String> identities = new ArrayList<>();
        adapters.forEach(
                adapter ->
                        identities.add(
                                adapter.path("fingerprint").asText()
                                        + " "
                                        + adapter.path("scale").asText()));
        return identities;
    }

    private static String names(JsonNode adapters) {
        List<String> names = new ArrayList<>();
        adapters.forEach(
                adapter ->
                        names.add(
                                adapter.path("file").asText()
                                        + ":"
                                        + adapter.path("scale").asText()));
        return names.isEmpty() ? "none" : String.join(", ", names);
    }

    private static void write(LlamaSession session, Path path) throws IOException {
        Lane lane = session.lane();
        int[] tokens = lane.sequence().tokens();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = FileName.of(path, arena);
            MemorySegment array = arena.allocateFrom(ValueLayout.JAVA_INT, tokens);
            LlamaLog.Result<Long> written =
                    lane.locked(
                            () ->
                                    LlamaLog.collect(
                                            () ->
                                                    llama_h.llama_state_seq_save_file(
                                                            lane.pointer(),
                                                            name,
                                                            lane.sequence().id(),
                                                            array,
                                                            tokens.length)));
            long size = Files.size(path);
            if (written.value() == 0 || written.value() != size) {
                throw new IOException(
                        String.format(
                                Locale.ROOT,
                                "only %d bytes of the KV cache could be written%s; is the disk full?",
                                size,
                                written.log().isEmpty()
                                        ? ""
                                        : " (llama.cpp: " + written.log().getLast() + ")"));
            }
        }
    }

    /** Restores the session; the caller is inside it. */
    static Optional<String> restore(LlamaSession session, Path file) {
        JsonNode description = SessionFile.read(file);
        int tokens = description.path("tokens").asInt(-1);
        requireFit(session, file, description, tokens);
        Lane lane = session.lane();
        lane.keep(0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = FileName.of(file, arena);
            MemorySegment array = arena.allocate(ValueLayout.JAVA_INT, Math.max(1, tokens));
            MemorySegment count = arena.allocate(ValueLayout.JAVA_LONG);
            LlamaLog.Result<Long> read =
                    lane.change(
                            () ->
                                    LlamaLog.collect(
                                            () ->
                                                    llama_h.llama_state_seq_load_file(
                                                            lane.pointer(),
                                                            name,
                                                            lane.sequence().id(),
                                                            array,
                                                            tokens,
                                                            count)));
            if (read.value() == 0 || count.get(ValueLayout.JAVA_LONG, 0) != tokens) {
                lane.clear();
                throw new SessionException(
                        "session file %s does not fit this session of %s with %s"
                                .formatted(file, session.model().path(), session.options()),
                        read.log());
            }
            int[] ids =
                    array.asSlice(0, (long) tokens * Integer.BYTES).toArray(ValueLayout.JAVA_INT);
            lane.sequence().append(ids, 0, tokens);
        }
        return Optional.ofNullable(description.get("attachment")).map(JsonNode::asText);
    }

    private static void requireFit(
            LlamaSession session, Path file, JsonNode description, int tokens) {
        String problem = null;
        SessionOptions options = session.options();
        String types = options.keyType() + "/" + options.valueType();
        String savedTypes =
                description.path("key_type").asText()
                        + "/"
                        + description.path("value_type").asText();
        if (description.path("version").asInt() != VERSION || tokens < 0) {
            problem = "is of another version of bigllama";
        } else if (!description
                .path("fingerprint")
                .asText()
                .equals(session.model().fingerprint())) {
            problem =
                    "belongs to another model, %s; this one is %s"
                            .formatted(description.path("model").asText(), session.model().path());
        } else if (!identities(description.path("adapters"))
                .equals(identities(adapters(session)))) {
            problem =
                    "was computed with other adapters: %s; this session has %s. Give it the same, with the same scales"
                            .formatted(
                                    names(description.path("adapters")), names(adapters(session)));
        } else if (!savedTypes.equals(types)) {
            problem =
                    "has a KV cache of types %s, and this session one of types %s; open the session with those of the file"
                            .formatted(savedTypes, types);
        } else if (tokens > session.contextSize()) {
            problem =
                    String.format(
                            Locale.ROOT,
                            "holds %d tokens, and the context of this session %d; open it with a larger context",
                            tokens,
                            session.contextSize());
        }
        if (problem != null) {
            throw new SessionException("session file " + file + " " + problem, List.of());
        }
    }

    private static String reason(IOException e) {
        return e.getMessage() == null || e.getMessage().equals(e.toString())
                ? e.toString()
                : e.getClass().getSimpleName().replace("Exception", "") + ": " + e.getMessage();
    }
}
