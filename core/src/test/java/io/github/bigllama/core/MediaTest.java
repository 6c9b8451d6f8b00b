package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatMessage;
import io.github.bigllama.core.chat.ChatMessage.Part;
import io.github.bigllama.core.chat.Role;
import io.github.bigllama.core.exception.MediaException;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.core.media.Media;
import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.ServerOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.internal.synthetic.InflatedModel;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.SmallRam;
import io.github.bigllama.testing.TinyProjector;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Images and sounds, by projectors with random weights. */
@Timeout(120)
class MediaTest {
    private static final GenerationOptions GREEDY = GenerationOptions.greedy().withMaxTokens(24);
    private static final String QUESTION = "Describe it.";

    @TempDir static Path folder;

    private static Path projector;

    @BeforeAll
    static void write() throws IOException {
        projector = TinyProjector.llava(folder.resolve("mmproj.gguf"), length());
    }

    private static int length() {
        try (LlamaModel model = DemoModel.load()) {
            return model.embeddingSize();
        }
    }

    private static LlamaModel load(Path with) {
        return LlamaModel.load(DemoModel.PATH, ModelOptions.defaults().withProjector(with));
    }

    /** A picture of noise. */
    private static byte[] png(int seed) throws IOException {
        BufferedImage image = new BufferedImage(32, 32, BufferedImage.TYPE_INT_RGB);
        Random random = new Random(seed);
        for (int x = 0; x < 32; x++) {
            for (int y = 0; y < 32; y++) {
                image.setRGB(x, y, random.nextInt());
            }
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(image, "png", out);
        return out.toByteArray();
    }

    private static Media image(int seed) throws IOException {
        return Media.of("image", png(seed));
    }

    private static List<ChatMessage> question(Media... media) {
        return List.of(new ChatMessage(Role.USER, List.of(media), QUESTION));
    }

    private static String ask(Chat chat, Media... media) {
        return chat.send(question(media), GREEDY).text();
    }

    @Test
    void anAnswerDependsOnTheImage() throws Exception {
        try (LlamaModel model = load(projector);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            assertThat(model.projector().orElseThrow().supportsVision()).isTrue();
            assertThat(model.projector().orElseThrow().supportsAudio()).isFalse();
            String red = ask(new Chat(session), image(1));
            String green = ask(new Chat(session), image(3));
            String none = ask(new Chat(session));
            assertThat(List.of(red, green, none)).doesNotHaveDuplicates();
            assertThat(ask(new Chat(session), image(1))).isEqualTo(red);
        }
    }

    /**
     * An answer, and how likely llama.cpp's server, or a session, took some first tokens to be.
     *
     * @param first logarithms of probabilities, by token
     */
    private record Answer(String text, Map<Integer, Double> first) {}

    @Test
    void answersAreThoseOfLlamaCppsServer() throws Exception {
        for (Path each :
                List.of(projector, TinyProjector.gemma(folder.resolve("gemma.gguf"), length()))) {
            Set<Map<Integer, Double>> all = new HashSet<>();
            for (int seed = 1; seed <= 3; seed++) {
                Answer served = served(each, seed);
                Answer own = own(each, seed, served.first().keySet());
                assertThat(own.text()).isEqualTo(served.text());
                served.first()
                        .forEach(
                                (token, likely) ->
                                        assertThat(own.first().get(token))
                                                .isCloseTo(likely, within(1e-3)));
                all.add(own.first());
            }
            assertThat(all).hasSize(3);
        }
    }

    private static Answer own(Path with, int seed, Set<Integer> tokens) throws IOException {
        try (LlamaModel model = load(with);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            TokenStream one =
                    new Chat(session).send(question(image(seed)), GREEDY.withMaxTokens(1));
            one.text();
            float[] logits = session.logits().toArray(ValueLayout.JAVA_FLOAT);
            double sum = 0;
            for (float logit : logits) {
                sum += Math.exp(logit);
            }
            Map<Integer, Double> first = new HashMap<>();
            for (int token : tokens) {
                first.put(token, logits[token] - Math.log(sum));
            }
            return new Answer(ask(new Chat(session), image(seed)), first);
        }
    }

    private static Answer served(Path with, int seed) throws Exception {
        ServerOptions options =
                ServerOptions.defaults()
                        .withAddress("127.0.0.1", 0)
                        .with("--mmproj", with.toString(), "--threads", "1");
        String url = "data:image/png;base64," + Base64.getEncoder().encodeToString(png(seed));
        String body =
                """
                {"messages": [{"role": "user", "content": [
                    {"type": "image_url", "image_url": {"url": "%s"}},
                    {"type": "text", "text": "%s"}]}],
                 "temperature": 0, "max_tokens": 24, "logprobs": true, "top_logprobs": 5}
                """
                        .formatted(url, QUESTION);
        try (LlamaModel model = DemoModel.load();
                LlamaServer server = LlamaServer.start(model, options)) {
            HttpResponse<String> answer =
                    HttpClient.newHttpClient()
                            .send(
                                    HttpRequest.newBuilder(
                                                    server.addresses()
                                                            .getFirst()
                                                            .resolve("/v1/chat/completions"))
                                            .header("Content-Type", "application/json")
                                            .POST(HttpRequest.BodyPublishers.ofString(body))
                                            .build(),
                                    HttpResponse.BodyHandlers.ofString());
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            JsonNode choice = new ObjectMapper().readTree(answer.body()).at("/choices/0");
            Map<Integer, Double> first = new HashMap<>();
            for (JsonNode top : choice.at("/logprobs/content/0/top_logprobs")) {
                first.put(top.path("id").asInt(), top.path("logprob").asDouble());
            }
            assertThat(first).hasSize(5);
            return new Answer(choice.at("/message/content").asText(), first);
        }
    }

    @Test
    void anImageIsNotComputedAgain() throws Exception {
        try (LlamaModel model = load(projector);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            Chat chat = new Chat(session);
            ask(chat, image(1));
            int used = session.contextUsed();
            assertThat(used).isGreaterThan(TinyProjector.LLAVA_CELLS);
            TokenStream second = chat.send("And of Iceland?", GREEDY);
            String answer = second.text();
            assertThat(second.stats().cachedTokens()).isEqualTo(used);

            String again = chat.retry(GREEDY).orElseThrow().text();
            assertThat(again).isEqualTo(answer);
            assertThat(chat.undo()).map(ChatMessage::content).contains("And of Iceland?");
            assertThat(chat.undo()).map(ChatMessage::content).contains(QUESTION);
            assertThat(chat.messages()).isEmpty();
        }
    }

    @Test
    void aRetryHasTheImage() throws Exception {
        try (LlamaModel model = load(projector);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            Chat chat = new Chat(session);
            String first = ask(chat, image(1));
            TokenStream again = chat.retry(GREEDY).orElseThrow();
            assertThat(again.text()).isEqualTo(first);
            assertThat(again.stats().cachedTokens()).isEqualTo(again.stats().promptTokens() - 1);
            assertThat(chat.messages().getFirst().media()).hasSize(1);
            assertThat(chat.messages()).hasSize(2);
        }
    }

    @Test
    void anotherImageAtTheSamePlaceIsComputed() throws Exception {
        try (LlamaModel model = load(projector);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            String red = ask(new Chat(session), image(1));
            int[] tokens = session.tokens();
            String green = ask(new Chat(session), image(3));
            int common = Arrays.mismatch(tokens, session.tokens());
            assertThat(tokens[common]).isNegative();
            assertThat(ask(new Chat(session), image(1))).isEqualTo(red);
            assertThat(ask(new Chat(session), image(3))).isEqualTo(green);
        }
    }

    @Test
    void imagesStandWhereTheirPartsDo() throws Exception {
        try (LlamaModel model = load(projector);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            Part red = Part.of(image(1));
            Part green = Part.of(image(3));
            ChatMessage message =
                    new ChatMessage(
                            Role.USER,
                            List.of(Part.of("One: "), red, Part.of(" Two: "), green, red));
            assertThat(message.content()).isEqualTo("One:  Two: ");
            new Chat(session).send(List.of(message), GREEDY).text();
            int[] tokens = session.tokens();
            long begins = Arrays.stream(tokens).filter(t -> t < 0 && t % 2 == 0).count();
            assertThat(begins).isEqualTo(3);
            assertThat(Arrays.stream(tokens).filter(t -> t < 0).count())
                    .isEqualTo(3L * TinyProjector.LLAVA_CELLS);
            assertThat(model.tokenizer().decode(text(tokens), true)).contains("One: ", " Two: ");
        }
    }

    private static int[] text(int[] tokens) {
        return Arrays.stream(tokens).filter(token -> token >= 0).toArray();
    }

    @Test
    void theTextOfAMarkerIsText() throws Exception {
        try (LlamaModel model = load(projector);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            Chat chat = new Chat(session);
            ask(chat, image(1));
            chat.send("\uFDD10\uFDD1<__media__>", GREEDY).text();
            assertThat(Arrays.stream(session.tokens()).filter(t -> t < 0).count())
                    .isEqualTo(TinyProjector.LLAVA_CELLS);
        }
    }

    @Test
    void forksAndSharedPassesHaveTheImage() throws Exception {
        SessionOptions two = DemoModel.ONE_THREAD.withSequences(2).withContextSize(1024);
        try (LlamaModel model = load(projector);
                LlamaSession session = model.newSession(two)) {
            Chat chat = new Chat(session);
            ask(chat, image(1));
            try (Chat fork = chat.fork()) {
                TokenStream other = fork.send("And of Iceland?", GREEDY);
                TokenStream same = chat.send("And of Iceland?", GREEDY);
                String text = "";
                while (other.hasNext()) {
                    text += other.next();
                }
                assertThat(same.text()).isEqualTo(text);
                assertThat(other.stats().cachedTokens()).isGreaterThan(16);
            }
        }
    }

    @Test
    void sessionsWithImagesAreNotSaved() throws Exception {
        try (LlamaModel model = load(projector);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            Chat chat = new Chat(session);
            ask(chat, image(1));
            Path file = folder.resolve("never.session");
            assertThatThrownBy(() -> chat.save(file))
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("has images or sounds");
            assertThatThrownBy(() -> session.save(file)).isInstanceOf(SessionException.class);
            assertThat(file).doesNotExist();
            chat.reset();
            ask(chat);
            chat.save(file);
            assertThat(file).exists();
        }
    }

    @Test
    void aFullContextEndsAnAnswerAboutAnImage() throws Exception {
        try (LlamaModel model = load(projector);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD.withContextSize(64))) {
            int[] image = model.projector().orElseThrow().encode(image(1));
            int[] prompt =
                    IntStream.concat(
                                    Arrays.stream(image),
                                    Arrays.stream(model.tokenizer().encode("1 2 3 4")))
                            .toArray();
            GenerationOptions endless =
                    GenerationOptions.greedy()
                            .withMaxTokens(200)
                            .withContextFull(ContextFull.SHIFT);
            TokenStream answer = session.generate(prompt, endless);
            answer.text();
            assertThat(answer.stopReason().orElseThrow())
                    .isIn(StopReason.CONTEXT_FULL, StopReason.END_OF_GENERATION);
            assertThatThrownBy(() -> session.generate(image, GREEDY))
                    .hasMessageContaining("end with an image");
            int[] cut = Arrays.copyOfRange(prompt, 1, prompt.length);
            assertThatThrownBy(() -> session.generate(cut, GREEDY))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void embeddingsThatSeeEachOtherMustFitAMicroBatch() throws Exception {
        Path gemma = TinyProjector.gemma(folder.resolve("gemma2.gguf"), length());
        try (LlamaModel model = load(gemma);
                LlamaSession session =
                        model.newSession(DemoModel.ONE_THREAD.withBatchSizes(2, 2))) {
            assertThatThrownBy(() -> ask(new Chat(session), image(1)))
                    .isInstanceOf(MediaException.class)
                    .hasMessageContaining("takes " + TinyProjector.GEMMA_CELLS + " tokens")
                    .hasMessageContaining("at most 2");
            assertThat(new Chat(session).send("What is the capital of France?", GREEDY).text())
                    .isEqualTo("The capital of France is Paris.");
        }
    }

    @Test
    void anImageIsComputedInSeveralBatches() throws Exception {
        try (LlamaModel model = load(projector);
                LlamaSession one = model.newSession(DemoModel.ONE_THREAD);
                LlamaSession many = model.newSession(DemoModel.ONE_THREAD.withBatchSizes(5, 5))) {
            assertThat(ask(new Chat(many), image(1))).isEqualTo(ask(new Chat(one), image(1)));
        }
    }

    @Test
    void weightsThatDoNotFitAreReadForImages() throws Exception {
        Path large = folder.resolve("large.gguf");
        InflatedModel.write(DemoModel.PATH, 150_000_000, large, fraction -> true);
        long all = Gguf.read(large).tensors().stream().mapToLong(TensorInfo::size).sum();
        ModelOptions options = ModelOptions.defaults().withProjector(projector);
        String whole;
        try (LlamaModel model = LlamaModel.load(large, options);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            whole = ask(new Chat(session), image(3));
        }
        long ram = SmallRam.forWeights(all / 2);
        try (LlamaModel model = LlamaModel.load(large, options.withRam(ram));
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            TokenStream answer = new Chat(session).send(question(image(3)), GREEDY);
            assertThat(answer.text()).isEqualTo(whole);
            assertThat(answer.stats().promptTokens()).isGreaterThan(TinyProjector.LLAVA_CELLS);
            assertThat(model.residency()).isPresent();
            assertThat(model.residency().orElseThrow().stats().passes()).isPositive();
        }
    }

    @Test
    void badFilesAreRefused() throws Exception {
        byte[] good = png(3);
        byte[] huge = good.clone();
        ByteBuffer header = ByteBuffer.wrap(huge);
        header.putInt(16, 60_000).putInt(20, 60_000);
        CRC32 crc = new CRC32();
        crc.update(huge, 12, 17);
        header.putInt(29, (int) crc.getValue());
        try (LlamaModel model = load(projector);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            refused(model, huge, "60000 x 60000 pixels, more than 50000000");
            refused(model, Arrays.copyOf(good, good.length / 2), "damaged or incomplete");
            refused(model, Arrays.copyOf(good, 20), "neither an image");
            refused(model, "Hello.\n".repeat(9).getBytes(StandardCharsets.UTF_8), "neither");
            refused(model, new byte[1000], "neither");
            refused(model, wav(16_000), "only for images");
            refused(
                    model,
                    "RIFF\0\0\0\0WEBPVP8 ".getBytes(StandardCharsets.ISO_8859_1),
                    "it is in WebP");
            assertThat(ask(new Chat(session), image(3))).isNotEmpty();
        }
        assertThatThrownBy(() -> Media.of("x", new byte[0])).hasMessage("x is empty");
        assertThatThrownBy(() -> Media.read(folder)).hasMessageContaining("is a directory");
        assertThatThrownBy(() -> Media.read(Path.of(""))).hasMessageContaining("is empty");
        assertThatThrownBy(() -> Media.read(folder.resolve("none")))
                .hasMessageContaining("there is no file");
        Path large = folder.resolve("large");
        try (var out = new RandomAccessFile(large.toFile(), "rw")) {
            out.setLength(Media.MAX_BYTES + 1L);
        }
        assertThatThrownBy(() -> Media.read(large))
                .hasMessageContaining("67108865 bytes")
                .hasMessageContaining("at most 67108864");
        Files.delete(large);
    }

    private static void refused(LlamaModel model, byte[] bytes, String part) {
        assertThatThrownBy(
                        () -> model.projector().orElseThrow().encode(Media.of("the file", bytes)))
                .isInstanceOf(MediaException.class)
                .hasMessageContaining("the file")
                .hasMessageContaining(part)
                .message()
                .doesNotContain("\n");
    }

    @Test
    void gifsAndJpegsAreRead() throws Exception {
        BufferedImage image = new BufferedImage(20, 20, BufferedImage.TYPE_INT_RGB);
        try (LlamaModel model = load(projector)) {
            for (String format : List.of("gif", "jpg", "bmp")) {
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                ImageIO.write(image, format, out);
                int[] tokens =
                        model.projector().orElseThrow().encode(Media.of(format, out.toByteArray()));
                assertThat(tokens).hasSize(TinyProjector.LLAVA_CELLS);
                byte[] half = Arrays.copyOf(out.toByteArray(), out.size() / 2);
                refused(model, half, "cut short; get the whole file");
                if (format.equals("bmp")) {
                    byte[] topDown = out.toByteArray();
                    ByteBuffer.wrap(topDown).order(ByteOrder.LITTLE_ENDIAN).putInt(22, -20);
                    assertThat(
                                    model.projector()
                                            .orElseThrow()
                                            .encode(Media.of("top down", topDown)))
                            .hasSize(TinyProjector.LLAVA_CELLS);
                }
            }
        }
    }

    @Test
    void projectorsThatDoNotFitAreRefused() throws Exception {
        Path narrow = TinyProjector.llava(folder.resolve("narrow.gguf"), length() + 32);
        assertThatThrownBy(() -> load(narrow))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("mismatch between text model (n_embd = " + length())
                .hasMessageContaining("n_embd = " + (length() + 32));
        assertThatThrownBy(() -> load(DemoModel.PATH))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("not a projector");
        assertThatThrownBy(() -> load(folder.resolve("none.gguf")))
                .isInstanceOf(ModelLoadException.class);
        Path cut = folder.resolve("cut.gguf");
        byte[] all = Files.readAllBytes(projector);
        Files.write(cut, Arrays.copyOf(all, all.length / 2));
        assertThatThrownBy(() -> load(cut)).isInstanceOf(ModelLoadException.class);
        try (LlamaModel model = DemoModel.load();
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            Chat chat = new Chat(session);
            assertThatThrownBy(() -> ask(chat, image(0)))
                    .isInstanceOf(MediaException.class)
                    .hasMessageContaining("without a projector");
            assertThat(chat.messages()).isEmpty();
            assertThatThrownBy(() -> session.generate(new int[] {-2, 5}, GREEDY))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    static byte[] wav(int samples) {
        ByteBuffer wav = ByteBuffer.allocate(44 + 2 * samples).order(ByteOrder.LITTLE_ENDIAN);
        wav.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(36 + 2 * samples);
        wav.put("WAVEfmt ".getBytes(StandardCharsets.US_ASCII)).putInt(16);
        wav.putShort((short) 1).putShort((short) 1).putInt(16_000).putInt(32_000);
        wav.putShort((short) 2).putShort((short) 16);
        wav.put("data".getBytes(StandardCharsets.US_ASCII)).putInt(2 * samples);
        for (int i = 0; i < samples; i++) {
            wav.putShort((short) (8000 * Math.sin(i * 0.2)));
        }
        return wav.array();
    }

    @Test
    void soundsAreHeard() throws Exception {
        Path audio = TinyProjector.ultravox(folder.resolve("audio.gguf"), length());
        try (LlamaModel model = load(audio);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            assertThat(model.projector().orElseThrow().supportsAudio()).isTrue();
            assertThat(model.projector().orElseThrow().supportsVision()).isFalse();
            String heard = ask(new Chat(session), Media.of("sound", wav(16_000)));
            assertThat(ask(new Chat(session), Media.of("sound", wav(16_000)))).isEqualTo(heard);
            refused(model, png(0), "only for sounds");
            byte[] liar = wav(16_000);
            ByteBuffer.wrap(liar).order(ByteOrder.LITTLE_ENDIAN).putInt(40, -8);
            assertThat(model.projector().orElseThrow().encode(Media.of("liar", liar))).isNotEmpty();
            refused(model, Arrays.copyOf(wav(10), 40), "sound");
            // 64 MB and more of 16-bit samples are refused by their size; of 8 bits they are not.
            byte[] long8 = wav(3601 * 16_000 / 2);
            ByteBuffer.wrap(long8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(28, 16_000)
                    .putShort(32, (short) 1)
                    .putShort(34, (short) 8);
            refused(model, long8, "longer than 60 minutes");
        }
    }
}
