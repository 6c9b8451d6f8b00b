package io.github.bigllama.core.option;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * How a model is served over HTTP: options of llama.cpp's {@code llama-server}, in its own words,
 * such as {@code --parallel 4 --api-key KEY --alias NAME}. Those that name a model ({@code
 * --model}, {@code --hf-repo}, {@code --model-url}) are refused: the model has been loaded.
 *
 * @param arguments the options, each name and each value an element
 */
public record ServerOptions(List<String> arguments) {
    private static final ServerOptions DEFAULTS = new ServerOptions(List.of());

    public ServerOptions {
        arguments = List.copyOf(Objects.requireNonNull(arguments, "arguments"));
    }

    /**
     * Those of {@link io.github.bigllama.core.LlamaServer}: {@code http://127.0.0.1:8080}, up to
     * four answers at a time, whose conversations share the largest context that leaves room for
     * the weights.
     */
    public static ServerOptions defaults() {
        return DEFAULTS;
    }

    /** With further arguments, which replace earlier ones of the same name. */
    public ServerOptions with(String... more) {
        List<String> all = new ArrayList<>(arguments);
        for (String each : Objects.requireNonNull(more, "more")) {
            all.add(Objects.requireNonNull(each, "argument"));
        }
        return new ServerOptions(all);
    }

    /** With the address to listen at; port 0 for one that is free. */
    public ServerOptions withAddress(String host, int port) {
        return with(
                "--host", Objects.requireNonNull(host, "host"), "--port", Integer.toString(port));
    }
}
