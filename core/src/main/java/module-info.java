/** Runs GGUF models larger than RAM, over llama.cpp. */
@SuppressWarnings("module") // the CLI, which sees one internal room, is built after this
module io.github.bigllama.core {
    requires transitive java.net.http;
    requires transitive com.fasterxml.jackson.core;
    requires transitive com.fasterxml.jackson.databind;
    requires io.github.bigllama.bindings;
    requires com.fasterxml.jackson.datatype.jdk8;
    requires com.fasterxml.jackson.datatype.jsr310;
    requires com.networknt.schema;
    requires org.apache.commons.io;
    requires static transitive org.jspecify;

    exports io.github.bigllama.core;
    exports io.github.bigllama.core.chat;
    exports io.github.bigllama.core.eval;
    exports io.github.bigllama.core.exception;
    exports io.github.bigllama.core.forecast;
    exports io.github.bigllama.core.gguf;
    exports io.github.bigllama.core.inspect;
    exports io.github.bigllama.core.media;
    exports io.github.bigllama.core.option;
    exports io.github.bigllama.core.quantize;
    exports io.github.bigllama.core.residency;
    exports io.github.bigllama.core.structure;
    exports io.github.bigllama.internal.synthetic to
            io.github.bigllama.cli;
}
