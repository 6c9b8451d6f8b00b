/** Runs GGUF models larger than RAM, over llama.cpp. */
module io.github.bigllama.core {
    requires transitive java.net.http;
    requires io.github.bigllama.bindings;
    requires transitive com.fasterxml.jackson.core;
    requires transitive com.fasterxml.jackson.databind;
    requires com.fasterxml.jackson.datatype.jdk8;
    requires com.fasterxml.jackson.datatype.jsr310;
    requires com.networknt.schema;
    requires org.apache.commons.io;

    exports io.github.bigllama.core;
    exports io.github.bigllama.residency;
    exports io.github.bigllama.gguf;
}
