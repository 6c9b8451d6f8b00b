/** Runs GGUF models larger than RAM, over llama.cpp. */
@SuppressWarnings("module") // cli comes after this module, so the compiler cannot see it
module io.github.bigllama.core {
    requires io.github.bigllama.bindings;

    exports io.github.bigllama.core;
    exports io.github.bigllama.gguf to
            io.github.bigllama.cli;
}
