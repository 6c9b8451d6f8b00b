package io.github.bigllama.core;

import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.LoadMode;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.testing.DemoModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Loads, generates and closes again and again; prints how much resident memory that added. */
final class LoadCloseCycles {
    private static final int WARM_UP = 150;
    private static final int COUNTED = 200;

    private LoadCloseCycles() {}

    public static void main(String[] args) throws IOException {
        run(WARM_UP);
        long before = residentBytes();
        run(COUNTED);
        System.out.println("grown by " + (residentBytes() - before) + " bytes");
    }

    private static void run(int cycles) {
        // Not mapped, so that a model that is not freed shows.
        ModelOptions options = ModelOptions.defaults().withLoadMode(LoadMode.NONE);
        for (int i = 0; i < cycles; i++) {
            try (LlamaModel model = LlamaModel.load(DemoModel.PATH, options);
                    LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
                session.generate("Hi", GenerationOptions.greedy().withMaxTokens(2)).text();
            }
        }
        System.gc();
    }

    private static long residentBytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", "")) << 10;
            }
        }
        throw new IOException("no VmRSS");
    }
}
