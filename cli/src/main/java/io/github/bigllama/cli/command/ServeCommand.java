package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelArguments;
import io.github.bigllama.cli.option.ModelUse;
import io.github.bigllama.cli.option.ProjectorArguments;
import io.github.bigllama.cli.page.LivePage;
import io.github.bigllama.cli.page.PageMetrics;
import io.github.bigllama.cli.page.PageSource;
import io.github.bigllama.cli.page.ServerSlots;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.cli.process.StderrLoggers;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaServer;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.ServerOptions;
import io.github.bigllama.core.option.SessionOptions;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Unmatched;

/** Serves a model over HTTP until it is interrupted. */
@Command(
        name = "serve",
        description = {
            "Serve a model over HTTP, with the protocols of OpenAI and Anthropic: llama.cpp's own "
                    + "server, on a model that may be larger than RAM. Options of llama-server "
                    + "that are not listed here are passed on to it.",
            ""
        },
        footer = {
            "",
            "For example, while it runs:",
            "  curl http://127.0.0.1:8080/v1/chat/completions \\",
            "    -H 'Content-Type: application/json' \\",
            "    -d '{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}'"
        })
public final class ServeCommand implements Callable<Integer> {
    private static final List<String> LOOPBACK = List.of("127.", "localhost", "::1", "[::1]");

    @Option(
            names = "--host",
            paramLabel = "ADDRESS",
            description =
                    "The address to listen at; 0.0.0.0 for all of this machine's. Default: "
                            + "127.0.0.1, which other machines can't reach.")
    @Nullable String host;

    @Option(
            names = "--port",
            paramLabel = "N",
            description = "The port to listen at; 0 for one that is free. Default: 8080.")
    @Nullable Integer port;

    @Option(
            names = "--api-key",
            paramLabel = "KEY",
            description = "Refuse requests without this key.")
    @Nullable String apiKey;

    @Option(
            names = {"-np", "--parallel"},
            paramLabel = "N",
            description =
                    "Most answers at a time, which are computed in one pass over the weights. "
                            + "Default: 4, which share the context.")
    @Nullable Integer parallel;

    @Option(
            names = {"-c", "--ctx-size"},
            paramLabel = "N",
            description =
                    "Size of the context, in tokens. Default: what the model was trained with, as "
                            + "far as it leaves room for the weights.")
    @Nullable Integer contextSize;

    @Option(
            names = "--page",
            negatable = true,
            fallbackValue = "true",
            defaultValue = "true",
            description =
                    "Show live, in a browser on this machine, where the weights are: at "
                            + "/residency of the next port, or of one that is free; /metrics there is for "
                            + "Prometheus. On by default.")
    boolean page = true;

    @Unmatched List<String> others = new ArrayList<>();

    @Mixin CommonArguments common = new CommonArguments();

    @ArgGroup(validate = false, heading = "%nModel:%n")
    ModelArguments model = new ModelArguments();

    @Mixin ProjectorArguments projector = new ProjectorArguments();

    @Override
    public Integer call() throws InterruptedException {
        requireRange("--port", port, 0, 65_535);
        requireRange("--parallel", parallel, 1, SessionOptions.MAX_SEQUENCES);
        requireRange("--ctx-size", contextSize, 0, Integer.MAX_VALUE);
        if (others.stream().findFirst().filter(first -> !first.startsWith("-")).isPresent()) {
            throw CommandException.usage(
                    "'%s' is no option; see bigllama serve --help".formatted(others.getFirst()));
        }
        try (Interruption interruption = new Interruption()) {
            Optional<Path> draft = model.takeDraft(interruption, System.err);
            return serve(interruption, options(draft));
        }
    }

    private static void requireRange(String option, @Nullable Integer value, int least, int most) {
        if (value != null && (value < least || value > most)) {
            throw CommandException.usage(
                    String.format(
                            Locale.ROOT, "%s is %d, must be %d to %d", option, value, least, most));
        }
    }

    private int serve(Interruption interruption, ServerOptions options)
            throws InterruptedException {
        ModelOptions loading = model.toOptions().withMtp(others.toString().contains("draft-mtp"));
        try (LlamaModel loaded =
                        ModelUse.SERVE.require(model.load(loading, interruption, System.err));
                LlamaServer server = start(loaded, options)) {
            interruption.onRequest(server::close);
            loaded.residency().ifPresent(kept -> System.err.println("bigllama: " + kept.plan()));
            warn(server.addresses());
            System.err.println(
                    "bigllama: serving "
                            + loaded.path()
                            + " at "
                            + server.addresses().stream()
                                    .map(URI::toString)
                                    .collect(Collectors.joining(" and "))
                            + "; Ctrl-C ends it");
            if (page) {
                showPage(loaded, server);
            } else {
                server.join();
            }
            return interruption.isRequested() ? ExitCode.INTERRUPTED : ExitCode.OK;
        }
    }

    private LlamaServer start(LlamaModel loaded, ServerOptions options) {
        Path file = projector.find(loaded.path(), System.err).orElse(null);
        return projector.load(
                file, () -> LlamaServer.start(loaded, with(options, "--mmproj", file)));
    }

    private void showPage(LlamaModel loaded, LlamaServer server) throws InterruptedException {
        ServerSlots slots = new ServerSlots(server.addresses().getFirst(), apiKey);
        PageSource source = new PageSource(loaded, slots);
        int next = server.addresses().getFirst().getPort() + 1;
        try (LivePage live =
                LivePage.open(
                        next > 65_535 ? 0 : next,
                        source,
                        new PageMetrics(loaded, slots::metrics))) {
            System.err.println("bigllama: its weights are drawn at " + live.address());
            server.join();
        }
    }

    private void warn(List<URI> addresses) {
        boolean isOpen =
                addresses.stream()
                        .map(URI::getHost)
                        .anyMatch(host -> LOOPBACK.stream().noneMatch(host::startsWith));
        boolean hasKey =
                apiKey != null
                        || others.contains("--api-key-file")
                        || System.getenv("LLAMA_API_KEY") != null;
        if (isOpen && !hasKey) {
            System.err.println(
                    "bigllama: other machines can use this model without a key; set one with --api-key");
        }
    }

    private ServerOptions options(Optional<Path> draft) {
        ServerOptions options = new ServerOptions(others);
        options = with(options, "--model-draft", draft.orElse(null));
        if (draft.isPresent() && !others.contains("--spec-type")) {
            options = options.with("--spec-type", "draft-simple");
        }
        options = with(options, "--host", host);
        options = with(options, "--port", port);
        options = with(options, "--api-key", apiKey);
        options = with(options, "--parallel", parallel);
        if (StderrLoggers.isVerbose()) {
            // Both mean it.
            options = options.with("--verbose");
        }
        return with(options, "--ctx-size", contextSize);
    }

    private static ServerOptions with(ServerOptions options, String name, @Nullable Object value) {
        return value == null ? options : options.with(name, value.toString());
    }
}
