package io.github.bigllama.core.chat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.core.media.Media;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.internal.text.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One message of a chat.
 *
 * @param role who wrote it
 * @param parts texts, images and sounds in the order in which the model is given them
 * @param reasoning the model's reasoning before the content; usually empty
 * @param toolCalls the tool calls that the model asks for; usually none
 * @param answers the call whose result this is, with {@link Role#TOOL}
 */
public record ChatMessage(
        Role role,
        List<Part> parts,
        String reasoning,
        List<ToolCall> toolCalls,
        Optional<ToolCall> answers) {
    /** The type of a part that stands for an image or a sound, of llama.cpp's chat.cpp. */
    static final String MARKER = "media_marker";

    /** What no text of a message may have: NUL, and half of a surrogate pair. */
    private static final Pattern NO_CHARACTER = Pattern.compile("[\\x00\\p{Cs}]");

    /**
     * A text, or an image or a sound in its place.
     *
     * @param text the text; empty if there is media
     * @param media the image or the sound, if it is one
     */
    public record Part(String text, Optional<Media> media) {
        public Part {
            Objects.requireNonNull(text, "text");
            Objects.requireNonNull(media, "media");
            if (media.isPresent() && !text.isEmpty()) {
                throw new IllegalArgumentException("a part is either a text or media");
            }
        }

        /** A text. */
        public static Part of(String text) {
            return new Part(text, Optional.empty());
        }

        /** An image or a sound. */
        public static Part of(Media media) {
            return new Part("", Optional.of(media));
        }
    }

    public ChatMessage {
        Objects.requireNonNull(role, "role");
        Objects.requireNonNull(reasoning, "reasoning");
        parts = List.copyOf(Objects.requireNonNull(parts, "parts"));
        Objects.requireNonNull(answers, "answers");
        String content = content(parts);
        toolCalls = List.copyOf(Objects.requireNonNull(toolCalls, "toolCalls"));
        if (content.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(
                    "message of the "
                            + role
                            + " has a NUL character at index "
                            + content.indexOf('\0'));
        }
        Text.requireWhole("message of the " + role, content);
        Text.requireWhole("reasoning of the " + role, reasoning);
        if (answers.isPresent() != (role == Role.TOOL)) {
            throw new IllegalArgumentException(
                    "a message of a tool must have the call that it answers, and no other message "
                            + "may");
        }
    }

    /** A message whose content is a text. */
    public ChatMessage(
            Role role,
            String content,
            String reasoning,
            List<ToolCall> toolCalls,
            Optional<ToolCall> answers) {
        this(
                role,
                List.of(Part.of(Objects.requireNonNull(content, "content"))),
                reasoning,
                toolCalls,
                answers);
    }

    /** A message of text only. */
    public ChatMessage(Role role, String content) {
        this(role, content, "", List.of(), Optional.empty());
    }

    /** A message of texts, images and sounds. */
    public ChatMessage(Role role, List<Part> parts) {
        this(role, parts, "", List.of(), Optional.empty());
    }

    /** A message with images and sounds before its text, as llama.cpp's programs give them. */
    public ChatMessage(Role role, List<Media> media, String content) {
        this(
                role,
                Stream.concat(
                                Objects.requireNonNull(media, "media").stream().map(Part::of),
                                Stream.of(Part.of(Objects.requireNonNull(content, "content"))))
                        .toList());
    }

    /** The text, without images and sounds. */
    public String content() {
        return content(parts);
    }

    private static String content(List<Part> parts) {
        return parts.stream().map(Part::text).collect(Collectors.joining());
    }

    /** The images and sounds. */
    public List<Media> media() {
        return parts.stream().flatMap(part -> part.media().stream()).toList();
    }

    /** The result of a tool call. */
    public static ChatMessage result(ToolCall call, String content) {
        return new ChatMessage(Role.TOOL, content, "", List.of(), Optional.of(call));
    }

    /** A text that a message may have: a NUL, which would end a C string, becomes U+FFFD. */
    static String plain(String text) {
        return NO_CHARACTER.matcher(text).replaceAll("\uFFFD");
    }

    ChatMessage withToolCalls(List<ToolCall> calls) {
        return new ChatMessage(role, parts, reasoning, calls, answers);
    }

    /** The message of a reply. */
    static ChatMessage of(Reply reply) {
        return new ChatMessage(
                Role.ASSISTANT,
                reply.content(),
                reply.reasoning(),
                reply.toolCalls(),
                Optional.empty());
    }

    /**
     * The message as JSON in the format of OpenAI's chat API, but with llama.cpp's markers in the
     * place of images and sounds.
     *
     * @param marker writes the marker of one
     */
    JsonNode toJson(Function<Media, String> marker) {
        ObjectNode node = Json.object().put("role", role.toString());
        if (media().isEmpty()) {
            node.put("content", content());
        } else {
            ArrayNode all = node.putArray("content");
            for (Part part : parts) {
                boolean isMedia = part.media().isPresent();
                all.addObject()
                        .put("type", isMedia ? MARKER : "text")
                        .put("text", part.media().map(marker).orElse(part.text()));
            }
        }
        if (!reasoning.isEmpty()) {
            node.put("reasoning_content", reasoning);
        }
        if (!toolCalls.isEmpty()) {
            ArrayNode calls = node.putArray("tool_calls");
            toolCalls.forEach(call -> calls.add(toJson(call)));
        }
        if (answers.isPresent()) {
            node.put("tool_call_id", answers.get().id());
            node.put("name", answers.get().name());
        }
        return node;
    }

    private static JsonNode toJson(ToolCall call) {
        ObjectNode node = Json.object().put("id", call.id()).put("type", "function");
        node.putObject("function").put("name", call.name()).put("arguments", call.arguments());
        return node;
    }

    static ChatMessage of(JsonNode node) {
        Role role = Role.valueOf(node.path("role").asText().toUpperCase(Locale.ROOT));
        List<ToolCall> calls = new ArrayList<>();
        for (JsonNode call : node.path("tool_calls")) {
            JsonNode function = call.path("function");
            calls.add(
                    new ToolCall(
                            call.path("id").asText(),
                            function.path("name").asText(),
                            function.path("arguments").asText()));
        }
        return new ChatMessage(
                role,
                node.path("content").asText(),
                node.path("reasoning_content").asText(),
                calls,
                role == Role.TOOL
                        ? Optional.of(
                                new ToolCall(
                                        node.path("tool_call_id").asText(),
                                        node.path("name").asText(),
                                        "{}"))
                        : Optional.empty());
    }
}
