package io.github.bigllama.core.quantize;

import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.testing.DamagedModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Quantizes damaged copies of a model, as {@link DamagedModels} loads them; every other one to a
 * type whose kernels assert much.
 */
final class DamagedQuantizing {
    private DamagedQuantizing() {}

    /** Arguments: a folder to work in, the model, the first seed, how many. */
    public static void main(String[] args) throws IOException {
        Path model = Path.of(args[1]);
        Gguf gguf = Gguf.read(model);
        byte[] original = Files.readAllBytes(model);
        Path copy = Path.of(args[0], "damaged.gguf");
        Path out = Path.of(args[0], "quantized.gguf");
        int first = Integer.parseInt(args[2]);
        int count = Integer.parseInt(args[3]);
        int refused = 0;
        int failed = 0;
        int working = 0;
        for (int seed = first; seed < first + count; seed++) {
            DamagedModels.Part part =
                    DamagedModels.Part.values()[seed % DamagedModels.Part.values().length];
            System.out.println("copy " + seed + " " + part);
            Files.write(copy, DamagedModels.damage(original, gguf, part, seed));
            Quantizer quantizer;
            try {
                Quantization type = seed / 6 % 2 == 0 ? Quantization.Q4_K_M : Quantization.IQ3_S;
                quantizer = Quantizer.of(copy, type, QuantizeOptions.defaults());
            } catch (QuantizeException e) {
                refused++;
                continue;
            }
            try {
                quantizer.write(out);
                working++;
            } catch (QuantizeException e) {
                failed++;
            }
        }
        System.out.println("refused " + refused + ", failed " + failed + ", working " + working);
    }
}
