package io.github.bigllama.testing;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.option.SessionOptions;
import java.nio.file.Path;

/** The demo model in the tests. */
public final class DemoModel {
    /** The file, which the build names. */
    public static final Path PATH = Path.of(System.getProperty("bigllama.demo.model"));

    /** Options under which a test's threads do not fight for two cores. */
    public static final SessionOptions ONE_THREAD = SessionOptions.defaults().withThreads(1, 1);

    private DemoModel() {}

    public static LlamaModel load() {
        return LlamaModel.load(PATH);
    }

    /** A prompt of a user's question as the demo model's template writes it. */
    public static String prompt(String question) {
        return "<|im_start|>user\n" + question + "<|im_end|>\n<|im_start|>assistant\n";
    }
}
