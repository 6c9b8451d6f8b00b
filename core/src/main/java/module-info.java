/** Runs GGUF models larger than RAM, over llama.cpp. */
module io.github.bigllama.core {
    requires transitive java.net.http;
    requires io.github.bigllama.bindings;
    requires com.fasterxml.jackson.databind;
    requires org.apache.commons.io;

    exports io.github.bigllama.core;
    exports io.github.bigllama.residency;
    exports io.github.bigllama.gguf;
}
