package io.github.bigllama.testing;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.exception.LlamaException;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.option.GenerationOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Damages copies of the demo model, one after the other, loads each and generates with it. Prints
 * the name of each before it touches it, so that whoever reads a dead JVM's output knows which one
 * did it.
 */
public final class DamagedModels {
    /** Where a copy is damaged. */
    public enum Part {
        HEADER,
        METADATA,
        /** A well-formed number that is wrong. */
        METADATA_VALUE,
        TENSOR_TABLE,
        TENSOR_DATA,
        LENGTH
    }

    private DamagedModels() {}

    /** Arguments: a folder to work in, the first seed, how many. */
    public static void main(String[] args) throws IOException {
        byte[] original = Files.readAllBytes(DemoModel.PATH);
        Path copy = Path.of(args[0], "damaged.gguf");
        int first = Integer.parseInt(args[1]);
        int count = Integer.parseInt(args[2]);
        int refused = 0;
        int failed = 0;
        int working = 0;
        for (int seed = first; seed < first + count; seed++) {
            Part part = Part.values()[seed % Part.values().length];
            System.out.println("copy " + seed + " " + part);
            Files.write(copy, damage(original, Gguf.read(DemoModel.PATH), part, seed));
            try (LlamaModel model = LlamaModel.load(copy)) {
                if (generates(model)) {
                    working++;
                } else {
                    failed++;
                }
            } catch (ModelLoadException e) {
                refused++;
            }
        }
        System.out.println("refused " + refused + ", failed " + failed + ", working " + working);
    }

    private static boolean generates(LlamaModel model) {
        try (LlamaSession session = model.newSession(DemoModel.ONE_THREAD.withContextSize(256))) {
            String prompt = DemoModel.prompt("What is the capital of France?");
            session.generate(prompt, GenerationOptions.greedy().withMaxTokens(4)).text();
            session.reset();
            session.generate(prompt, GenerationOptions.defaults().withMaxTokens(4)).text();
            return true;
        } catch (LlamaException | IllegalArgumentException e) {
            return false;
        }
    }

    /** A damaged copy of a model, always the same for a seed. */
    public static byte[] damage(byte[] original, Gguf gguf, Part part, int seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int dataOffset = (int) gguf.dataOffset();
        // The tensor table is the last of the header: about 60 bytes for each tensor.
        int tableOffset = dataOffset - 64 * gguf.tensors().size();
        byte[] copy = original.clone();
        switch (part) {
            case HEADER -> change(copy, 0, 24, random);
            case METADATA -> change(copy, 24, tableOffset, random);
            case METADATA_VALUE -> changeValue(copy, gguf, random);
            case TENSOR_TABLE -> change(copy, tableOffset, dataOffset, random);
            case TENSOR_DATA -> change(copy, dataOffset, copy.length, random);
            case LENGTH -> copy = Arrays.copyOf(copy, random.nextInt(copy.length));
        }
        return copy;
    }

    /**
     * One to eight changes: a bit, a byte, or an integer that is likely to be taken for a length.
     */
    private static void change(byte[] copy, int from, int to, SplittableRandom random) {
        ByteBuffer bytes = ByteBuffer.wrap(copy).order(ByteOrder.LITTLE_ENDIAN);
        for (int n = random.nextInt(1, 9); n > 0; n--) {
            int at = random.nextInt(from, to - Long.BYTES);
            switch (random.nextInt(4)) {
                case 0 -> copy[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> copy[at] = (byte) random.nextInt(256);
                case 2 -> bytes.putInt(at, interesting(random));
                default -> bytes.putLong(at, interesting(random));
            }
        }
    }

    private static void changeValue(byte[] copy, Gguf gguf, SplittableRandom random) {
        List<String> keys =
                gguf.metadata().asMap().entrySet().stream()
                        .filter(entry -> isNumber(entry.getValue()))
                        .map(Map.Entry::getKey)
                        .toList();
        String key = keys.get(random.nextInt(keys.size()));
        // Latin-1 has a character for each byte, so that offsets stay what they are.
        int at = new String(copy, StandardCharsets.ISO_8859_1).indexOf(key);
        int value = random.nextBoolean() ? interesting(random) : random.nextInt(600);
        ByteBuffer.wrap(copy)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(at + key.length() + Integer.BYTES, value);
    }

    private static boolean isNumber(GgufValue value) {
        return value instanceof GgufValue.Int || value instanceof GgufValue.Real;
    }

    private static int interesting(SplittableRandom random) {
        int[] values = {0, 1, -1, 2, 255, 65536, Integer.MAX_VALUE, Integer.MIN_VALUE, 0x7FC00000};
        return values[random.nextInt(values.length)];
    }
}
