package io.github.bigllama.langchain4j;

import io.github.bigllama.core.LlamaServer;
import io.github.bigllama.core.option.ServerOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The demo model behind llama.cpp's server, for clients of OpenAI's protocol. */
final class Served {
    static final String NAME = "demo";
    static final String KEY = "a-key";
    static final String FRANCE = "What is the capital of France?";
    static final String PARIS = "The capital of France is Paris.";
    static final String TOO_LONG = "word ".repeat(2000);

    /** The start of a call: the toy calls a tool only if it is made to take this first. */
    static final String CALL = Integer.toString(token("{\""));

    private Served() {}

    private static int token(String text) {
        int[] tokens = Demo.MODEL.tokenizer().encode(text, false, false);
        if (tokens.length != 1) {
            throw new AssertionError(text + " has " + tokens.length + " tokens");
        }
        return tokens[0];
    }

    static LlamaServer start(Path folder) throws IOException {
        Path template = Files.writeString(folder.resolve("tools.jinja"), Demo.TEMPLATE);
        return LlamaServer.start(
                Demo.MODEL,
                ServerOptions.defaults()
                        .withAddress("127.0.0.1", 0)
                        .with("--api-key", KEY, "--alias", NAME)
                        .with("--ctx-size", "1024", "--threads", "1", "--threads-batch", "2")
                        .with("--chat-template-file", template.toString())
                        .with("--embeddings", "--pooling", "mean"));
    }

    static String url(LlamaServer server) {
        return server.addresses().getFirst() + "/v1";
    }
}
