package io.github.bigllama.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import dev.langchain4j.data.audio.Audio;
import dev.langchain4j.data.message.AudioContent;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.data.message.VideoContent;
import dev.langchain4j.exception.UnsupportedFeatureException;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.Projector;
import io.github.bigllama.core.chat.ChatMessage.Part;
import io.github.bigllama.core.exception.MediaException;
import io.github.bigllama.core.media.Media;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContentsTest {
    private static final byte[] BYTES = {1, 2, 3};
    private static final Media MEDIA = Media.of("the same", BYTES);

    @TempDir private Path folder;

    private static Contents contents(boolean sees, boolean hears) {
        Projector projector = mock(Projector.class);
        when(projector.supportsVision()).thenReturn(sees);
        when(projector.supportsAudio()).thenReturn(hears);
        LlamaModel model = mock(LlamaModel.class);
        when(model.projector()).thenReturn(Optional.of(projector));
        return new Contents(model);
    }

    @Test
    void partsStayInTheirOrder() throws Exception {
        Path file = Files.write(folder.resolve("image"), BYTES);
        List<Part> parts =
                contents(true, true)
                        .of(
                                UserMessage.from(
                                        TextContent.from("a"),
                                        TextContent.from("b"),
                                        ImageContent.from(
                                                Base64.getEncoder().encodeToString(BYTES),
                                                "image/png"),
                                        TextContent.from("c"),
                                        ImageContent.from(file.toUri()),
                                        AudioContent.from(
                                                Audio.builder().binaryData(BYTES).build())));
        Part media = Part.of(MEDIA);
        assertThat(parts)
                .containsExactly(Part.of("a"), Part.of("\n\nb"), media, Part.of("c"), media, media);
    }

    @Test
    void whatTheModelDoesNotTakeIsRefused() {
        UserMessage image = UserMessage.from(ImageContent.from("AQID", "image/png"));
        assertThatThrownBy(() -> new Contents(Demo.MODEL).of(image))
                .isInstanceOf(UnsupportedFeatureException.class)
                .hasMessage(
                        "image inputs are not supported: the model was loaded without a projector"
                                + " for them");
        assertThatThrownBy(() -> contents(false, true).of(image))
                .isInstanceOf(UnsupportedFeatureException.class);
        assertThatThrownBy(
                        () ->
                                contents(true, true)
                                        .of(UserMessage.from(VideoContent.from("AQID", "v"))))
                .isInstanceOf(UnsupportedFeatureException.class)
                .hasMessage("video inputs are not supported");
        UserMessage remote =
                UserMessage.from(ImageContent.from(URI.create("https://example.org/a.png")));
        assertThatThrownBy(() -> contents(true, true).of(remote))
                .isInstanceOf(UnsupportedFeatureException.class)
                .hasMessageContaining("https://example.org/a.png")
                .hasMessageContaining("give its bytes, or a file");
        UserMessage wrong = UserMessage.from(ImageContent.from("no base64!", "image/png"));
        assertThatThrownBy(() -> contents(true, true).of(wrong))
                .isInstanceOf(MediaException.class)
                .hasMessageContaining("an image is not in Base64");
    }
}
