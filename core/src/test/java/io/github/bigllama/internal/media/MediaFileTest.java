package io.github.bigllama.internal.media;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.plugins.bmp.BMPImageWriteParam;
import javax.imageio.stream.ImageOutputStream;
import javax.sound.sampled.AudioFileFormat;
import javax.sound.sampled.AudioFormat;
import javax.sound.sampled.AudioInputStream;
import javax.sound.sampled.AudioSystem;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Images and sounds that end too early. */
class MediaFileTest {
    private static BufferedImage picture(int type) {
        BufferedImage picture = new BufferedImage(37, 23, type);
        Random random = new Random(5);
        for (int y = 0; y < picture.getHeight(); y++) {
            for (int x = 0; x < picture.getWidth(); x++) {
                picture.setRGB(x, y, random.nextInt());
            }
        }
        return picture;
    }

    private static byte[] image(String format, int type) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        assertThat(ImageIO.write(picture(type), format, out)).isTrue();
        return out.toByteArray();
    }

    private static byte[] progressive() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageWriter writer = ImageIO.getImageWritersByFormatName("jpg").next();
        try (ImageOutputStream out = ImageIO.createImageOutputStream(bytes)) {
            writer.setOutput(out);
            ImageWriteParam how = writer.getDefaultWriteParam();
            how.setProgressiveMode(ImageWriteParam.MODE_DEFAULT);
            writer.write(null, new IIOImage(picture(BufferedImage.TYPE_INT_RGB), null, null), how);
        } finally {
            writer.dispose();
        }
        return bytes.toByteArray();
    }

    private static byte[] wav() throws IOException {
        AudioFormat format = new AudioFormat(16_000, 16, 1, true, false);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        AudioSystem.write(
                new AudioInputStream(new ByteArrayInputStream(new byte[2000]), format, 1000),
                AudioFileFormat.Type.WAVE,
                out);
        return out.toByteArray();
    }

    private static String cutShort(byte[] bytes) {
        return new MediaFile(ByteBuffer.wrap(bytes).asReadOnlyBuffer()).cutShort().orElse("");
    }

    /** At each place behind the header. */
    private static void eachCutIsFound(byte[] whole, String format, int header) {
        assertThat(cutShort(whole)).isEmpty();
        for (int length = header; length < whole.length; length++) {
            assertThat(cutShort(Arrays.copyOf(whole, length))).as("%d", length).isEqualTo(format);
        }
        // Trailing bytes are no harm.
        assertThat(cutShort(Arrays.copyOf(whole, whole.length + 9))).isEmpty();
    }

    @Test
    void ofJpegs() throws IOException {
        byte[] plain = image("jpg", BufferedImage.TYPE_INT_RGB);
        eachCutIsFound(plain, "JPEG", 2);
        eachCutIsFound(progressive(), "JPEG", 2);
        // A segment with a picture of its own, as Exif has.
        ByteBuffer exif = ByteBuffer.allocate(2 * plain.length + 4);
        exif.put(plain, 0, 2).putShort((short) 0xffe1).putShort((short) (plain.length + 2));
        exif.put(plain).put(plain, 2, plain.length - 2);
        eachCutIsFound(Arrays.copyOf(exif.array(), exif.position()), "JPEG", 2);
    }

    @Test
    void ofGifs() throws IOException {
        eachCutIsFound(image("gif", BufferedImage.TYPE_BYTE_INDEXED), "GIF", 6);
    }

    @ParameterizedTest
    @ValueSource(
            ints = {
                BufferedImage.TYPE_INT_RGB,
                BufferedImage.TYPE_BYTE_BINARY,
                BufferedImage.TYPE_BYTE_GRAY
            })
    void ofBmps(int type) throws IOException {
        byte[] whole = image("bmp", type);
        int padding = 37 * (type == BufferedImage.TYPE_INT_RGB ? 3 : 1) % 4;
        assertThat(cutShort(whole)).isEmpty();
        assertThat(cutShort(Arrays.copyOf(whole, whole.length - 4 - padding))).isEqualTo("BMP");
        assertThat(cutShort(Arrays.copyOf(whole, whole.length / 2))).isEqualTo("BMP");
        assertThat(cutShort(Arrays.copyOf(whole, 20))).isEqualTo("BMP");
        // From the top down.
        ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).putInt(22, -23);
        assertThat(cutShort(whole)).isEmpty();
        assertThat(cutShort(Arrays.copyOf(whole, whole.length / 2))).isEqualTo("BMP");
    }

    @ParameterizedTest
    @ValueSource(
            ints = {
                BufferedImage.TYPE_INT_RGB,
                BufferedImage.TYPE_BYTE_BINARY,
                BufferedImage.TYPE_BYTE_GRAY
            })
    void bmpsFromTheTopDownAreTurned(int type) throws IOException {
        BufferedImage image = new BufferedImage(37, 23, type);
        Random random = new Random(1);
        for (int i = 0; i < 37 * 23; i++) {
            image.setRGB(i % 37, i / 37, random.nextInt());
        }
        byte[] usual = bmp(image, false);
        byte[] topDown = bmp(image, true);
        assertThat(topDown).isNotEqualTo(usual);
        assertThat(upright(usual)).isEqualTo(usual);
        // Rows can't begin in the header.
        byte[] damaged = topDown.clone();
        ByteBuffer.wrap(damaged).order(ByteOrder.LITTLE_ENDIAN).putInt(10, 0);
        assertThat(upright(damaged)).isEqualTo(damaged);
        byte[] turned = upright(topDown);
        assertThat(ByteBuffer.wrap(turned).order(ByteOrder.LITTLE_ENDIAN).getInt(22)).isEqualTo(23);
        BufferedImage read = ImageIO.read(new ByteArrayInputStream(turned));
        for (int i = 0; i < 37 * 23; i++) {
            assertThat(read.getRGB(i % 37, i / 37)).isEqualTo(image.getRGB(i % 37, i / 37));
        }
    }

    private static byte[] upright(byte[] file) {
        ByteBuffer upright = new MediaFile(ByteBuffer.wrap(file)).upright();
        byte[] bytes = new byte[upright.remaining()];
        upright.get(bytes);
        return bytes;
    }

    private static byte[] bmp(BufferedImage image, boolean topDown) throws IOException {
        ImageWriter writer = ImageIO.getImageWritersByFormatName("bmp").next();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (ImageOutputStream stream = ImageIO.createImageOutputStream(out)) {
            BMPImageWriteParam param = (BMPImageWriteParam) writer.getDefaultWriteParam();
            param.setTopDown(topDown);
            writer.setOutput(stream);
            writer.write(null, new IIOImage(image, null, null), param);
        } finally {
            writer.dispose();
        }
        return out.toByteArray();
    }

    @Test
    void ofWavs() throws IOException {
        byte[] whole = wav();
        eachCutIsFound(whole, "WAV", 44);
        ByteBuffer sizes = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN);
        // What ffmpeg and sox write into pipes.
        for (int size : new int[] {0, -1, 0x7fff_ffff - 36}) {
            sizes.putInt(40, size);
            assertThat(cutShort(Arrays.copyOf(whole, 1000))).isEmpty();
        }
    }

    @Test
    void otherFilesAreForTheDecoder() {
        for (String text : new String[] {"", "B", "RIFF", "RIFF    WAVE", "fLaC", "Hello."}) {
            assertThat(cutShort(text.getBytes(StandardCharsets.US_ASCII))).isEmpty();
        }
    }

    /** Whatever they claim, nothing but an answer comes of it. */
    @Test
    void randomFilesDoNoHarm() {
        Random random = new Random(3);
        for (String magic : new String[] {"\u00ff\u00d8", "GIF89a", "BM", "RIFF    WAVE"}) {
            for (int i = 0; i < 5000; i++) {
                byte[] bytes = new byte[random.nextInt(80)];
                random.nextBytes(bytes);
                byte[] begin = magic.getBytes(StandardCharsets.ISO_8859_1);
                System.arraycopy(begin, 0, bytes, 0, Math.min(begin.length, bytes.length));
                cutShort(bytes);
            }
        }
    }
}
