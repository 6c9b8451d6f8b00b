/** Runs GGUF models larger than RAM, over llama.cpp. */
module io.github.bigllama.core {
    requires io.github.bigllama.bindings;

    exports io.github.bigllama.core;
    exports io.github.bigllama.residency;
    exports io.github.bigllama.gguf;
}
