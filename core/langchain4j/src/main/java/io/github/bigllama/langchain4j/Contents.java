package io.github.bigllama.langchain4j;

import dev.langchain4j.data.audio.Audio;
import dev.langchain4j.data.image.Image;
import dev.langchain4j.data.message.AudioContent;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.ContentType;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.Projector;
import io.github.bigllama.core.chat.ChatMessage.Part;
import io.github.bigllama.core.exception.MediaException;
import io.github.bigllama.core.media.Media;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Converts what a user message consists of: texts, and the images and sounds that a model takes.
 */
final class Contents {
    private static final String BETWEEN = "\n\n";

    private final LlamaModel model;

    Contents(LlamaModel model) {
        this.model = model;
    }

    /**
     * The parts of a message.
     *
     * @throws UnsupportedFeatureException for content that the model does not take
     */
    List<Part> of(UserMessage message) {
        List<Part> parts = new ArrayList<>();
        boolean isAfterText = false;
        for (Content content : message.contents()) {
            if (content instanceof TextContent text) {
                parts.add(Part.of(isAfterText ? BETWEEN + text.text() : text.text()));
            } else {
                parts.add(Part.of(media(content)));
            }
            isAfterText = content instanceof TextContent;
        }
        return parts;
    }

    private Media media(Content content) {
        return switch (content) {
            case ImageContent c -> {
                require(content.type(), Projector::supportsVision);
                Image image = c.image();
                yield media("an image", image.base64Data(), null, image.url());
            }
            case AudioContent c -> {
                require(content.type(), Projector::supportsAudio);
                Audio audio = c.audio();
                yield media("a sound", audio.base64Data(), audio.binaryData(), audio.url());
            }
            default -> throw unsupported(content.type(), "");
        };
    }

    private void require(ContentType type, Predicate<Projector> support) {
        if (model.projector().filter(support).isEmpty()) {
            throw unsupported(type, ": the model was loaded without a projector for them");
        }
    }

    private static Media media(
            String name, @Nullable String base64, byte @Nullable [] bytes, @Nullable URI address) {
        if (bytes != null) {
            return Media.of(name, bytes);
        }
        if (base64 != null) {
            return Media.of(name, decoded(name, base64));
        }
        if (address != null && "file".equalsIgnoreCase(address.getScheme())) {
            return Media.read(Path.of(address));
        }
        throw new UnsupportedFeatureException(
                "%s at the address %s is not supported: give its bytes, or a file"
                        .formatted(name, address));
    }

    private static byte[] decoded(String name, String base64) {
        try {
            return Base64.getDecoder().decode(base64);
        } catch (IllegalArgumentException e) {
            throw new MediaException(name + " is not in Base64: " + e.getMessage(), e);
        }
    }

    private static UnsupportedFeatureException unsupported(ContentType type, String why) {
        return new UnsupportedFeatureException(
                "%s inputs are not supported%s"
                        .formatted(type.name().toLowerCase(Locale.ROOT), why));
    }
}
