package io.github.bigllama.testing;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.testing.RawGguf.Out;
import io.github.bigllama.testing.RawGguf.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;

/**
 * Writes projectors (mmproj) with random weights, in the forms of some that llama.cpp's clip.cpp
 * reads. They have two layers of 32 elements and see pictures of 32 x 32 pixels.
 */
public final class TinyProjector {
    private static final int WIDTH = 32;
    private static final int FEED_FORWARD = 64;
    private static final int LAYERS = 2;
    private static final int IMAGE = 32;
    private static final int PATCH = 8;
    private static final int PATCHES = (IMAGE / PATCH) * (IMAGE / PATCH);
    private static final int MEL_BINS = 80;
    private static final int STACK = 4;

    /** Half a minute of sound. */
    private static final int FRAMES = 1500;

    /** Embeddings of an image of {@link #llava}. */
    public static final int LLAVA_CELLS = PATCHES;

    /** Embeddings of an image of {@link #gemma}. */
    public static final int GEMMA_CELLS = PATCHES / 4;

    private final RawGguf writer = new RawGguf();
    private final Random random = new Random(7);
    private final String prefix;

    private TinyProjector(String form, boolean isVision) {
        prefix = isVision ? "v" : "a";
        String group = isVision ? "clip.vision." : "clip.audio.";
        writer.text("general.architecture", "clip");
        writer.text("general.type", "mmproj");
        writer.text("clip.projector_type", form);
        flag(isVision ? "clip.has_vision_encoder" : "clip.has_audio_encoder");
        flag("clip.use_gelu");
        number(group + "embedding_length", WIDTH);
        number(group + "feed_forward_length", FEED_FORWARD);
        number(group + "block_count", LAYERS);
        number(group + "attention.head_count", 2);
        writer.f32(group + "attention.layer_norm_epsilon", 1e-5f);
        if (isVision) {
            number(group + "image_size", IMAGE);
            number(group + "patch_size", PATCH);
            reals(group + "image_mean", 0.5f, 0.5f, 0.5f);
            reals(group + "image_std", 0.5f, 0.5f, 0.5f);
        }
    }

    /** In the form of LLaVA: an image has {@link #LLAVA_CELLS} embeddings of this length. */
    public static Path llava(Path file, int length) throws IOException {
        return llava(file, length, FEED_FORWARD);
    }

    /** As {@link #llava}, with feed-forward networks whose parts don't fit together. */
    public static Path damaged(Path file, int length) throws IOException {
        return llava(file, length, FEED_FORWARD + 1);
    }

    private static Path llava(Path file, int length, int up) throws IOException {
        TinyProjector made = new TinyProjector("mlp", true);
        made.number("clip.vision.projection_dim", length);
        made.patches();
        made.norm("v.pre_ln");
        made.layers(up, true);
        made.matrix("mm.0", true, 2, WIDTH, length);
        made.matrix("mm.2", true, 12, length, length);
        return made.write(file);
    }

    /**
     * In the form of Gemma 3: an image has {@link #GEMMA_CELLS} embeddings, which see each other
     * without regard to their order.
     */
    public static Path gemma(Path file, int length) throws IOException {
        TinyProjector made = new TinyProjector("gemma3", true);
        made.number("clip.vision.projection_dim", length);
        made.number("clip.vision.projector.scale_factor", 2);
        made.patches();
        made.norm("v.post_ln");
        made.layers(FEED_FORWARD, true);
        made.tensor("mm.input_projection.weight", 0, 6, length, WIDTH);
        made.tensor("mm.soft_emb_norm.weight", 1, 0.1, WIDTH);
        return made.write(file);
    }

    /** In the form of Ultravox, for sounds. */
    public static Path ultravox(Path file, int length) throws IOException {
        TinyProjector made = new TinyProjector("ultravox", false);
        made.number("clip.audio.projection_dim", length);
        made.number("clip.audio.num_mel_bins", MEL_BINS);
        made.number("clip.audio.projector.stack_factor", STACK);
        made.tensor("a.conv1d.1.weight", 0, 0.3, 3, MEL_BINS, WIDTH);
        made.tensor("a.conv1d.1.bias", 0, 0.1, 1, WIDTH);
        made.tensor("a.conv1d.2.weight", 0, 0.3, 3, WIDTH, WIDTH);
        made.tensor("a.conv1d.2.bias", 0, 0.1, 1, WIDTH);
        made.tensor("a.position_embd.weight", 0, 1, WIDTH, FRAMES);
        made.norm("a.post_ln");
        made.layers(FEED_FORWARD, false);
        made.tensor("mm.a.norm_pre.weight", 1, 0.1, WIDTH * STACK);
        made.tensor("mm.a.mlp.1.weight", 0, 0.2, WIDTH * STACK, 2L * WIDTH);
        made.tensor("mm.a.norm_mid.weight", 1, 0.1, WIDTH);
        made.tensor("mm.a.mlp.2.weight", 0, 4, WIDTH, length);
        return made.write(file);
    }

    private void patches() {
        tensor("v.patch_embd.weight", 0, 0.3, PATCH, PATCH, 3, WIDTH);
        tensor("v.position_embd.weight", 0, 0.5, WIDTH, PATCHES);
    }

    private void layers(int up, boolean hasKeyBias) {
        for (int i = 0; i < LAYERS; i++) {
            String layer = prefix + ".blk." + i + ".";
            norm(layer + "ln1");
            norm(layer + "ln2");
            matrix(layer + "attn_q", true, 1, WIDTH, WIDTH);
            matrix(layer + "attn_k", hasKeyBias, 1, WIDTH, WIDTH);
            matrix(layer + "attn_v", true, 1, WIDTH, WIDTH);
            matrix(layer + "attn_out", true, 1, WIDTH, WIDTH);
            matrix(layer + "ffn_up", true, 1, WIDTH, up);
            matrix(layer + "ffn_down", true, 1, FEED_FORWARD, WIDTH);
        }
    }

    private void norm(String name) {
        tensor(name + ".weight", 1, 0.1, WIDTH);
        tensor(name + ".bias", 0, 0.1, WIDTH);
    }

    private void matrix(String name, boolean hasBias, double scale, long from, long to) {
        tensor(name + ".weight", 0, scale / Math.sqrt(from), from, to);
        if (hasBias) {
            tensor(name + ".bias", 0, 0.1, to);
        }
    }

    private void tensor(String name, double mean, double deviation, long... shape) {
        int count = (int) LongStream.of(shape).reduce(1, Math::multiplyExact);
        ByteBuffer bytes = ByteBuffer.allocate(count * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            bytes.putFloat((float) (mean + deviation * random.nextGaussian()));
        }
        List<Long> dimensions = Arrays.stream(shape).boxed().toList();
        writer.tensors.add(new Tensor(name, GgmlType.F32.id(), dimensions, bytes.array()));
    }

    private void flag(String key) {
        writer.put(key, new GgufValue.Bool(true));
    }

    private void number(String key, int value) {
        writer.u32(key, value);
    }

    private void reals(String key, float... values) {
        Out out = new Out().i32(GgufValueType.FLOAT32.id()).i64(values.length);
        for (float value : values) {
            out.real(GgufValueType.FLOAT32, value);
        }
        writer.raw(key, GgufValueType.ARRAY.id(), out.bytes());
    }

    private Path write(Path file) throws IOException {
        return writer.write(file);
    }
}
