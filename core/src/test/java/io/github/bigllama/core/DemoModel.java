package io.github.bigllama.core;

import java.nio.file.Path;

/** The demo model in the tests. */
final class DemoModel {
    /** The file, which the build names. */
    static final Path PATH = Path.of(System.getProperty("bigllama.demo.model"));

    /** Options under which a test's threads do not fight for two cores. */
    static final SessionOptions ONE_THREAD = SessionOptions.defaults().withThreads(1, 1);

    private DemoModel() {}

    static LlamaModel load() {
        return LlamaModel.load(PATH);
    }

    /** A prompt of a user's question as the demo model's template writes it. */
    static String prompt(String question) {
        return "<|im_start|>user\n" + question + "<|im_end|>\n<|im_start|>assistant\n";
    }
}
