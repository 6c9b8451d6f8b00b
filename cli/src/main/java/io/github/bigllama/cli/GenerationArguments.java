package io.github.bigllama.cli;

import io.github.bigllama.core.ChatOptions;
import io.github.bigllama.core.GenerationOptions;
import io.github.bigllama.core.SamplingOptions;
import java.util.List;
import picocli.CommandLine.Option;

/** What is generated. */
final class GenerationArguments {
    @Option(
            names = {"-n", "--predict", "--max-tokens"},
            paramLabel = "N",
            description = "Most tokens of an answer (${DEFAULT-VALUE} = until it ends).")
    int maxTokens = GenerationOptions.UNLIMITED;

    @Option(
            names = "--stop",
            paramLabel = "TEXT",
            description = "End the answer before this text. Repeatable.")
    List<String> stops = List.of();

    @Option(
            names = {"-sys", "--system", "--system-prompt"},
            paramLabel = "TEXT",
            description = "The system message.")
    String system;

    @Option(
            names = "--chat-template",
            paramLabel = "NAME",
            description =
                    "A chat template of llama.cpp, such as chatml or llama3. Default: the model's.")
    String template;

    /** The options that the arguments stand for. */
    GenerationOptions toOptions(SamplingOptions sampling) {
        return GenerationOptions.defaults()
                .withMaxTokens(maxTokens)
                .withStopStrings(stops.toArray(String[]::new))
                .withSampling(sampling);
    }

    /** The beginning of the chat that the arguments stand for. */
    ChatOptions toChatOptions() {
        ChatOptions options = ChatOptions.defaults();
        if (system != null) {
            options = options.withSystem(system);
        }
        return template == null ? options : options.withTemplate(template);
    }

    /** Whether something was said about the chat, which a plain completion has not. */
    boolean hasChatOptions() {
        return system != null || template != null;
    }
}
