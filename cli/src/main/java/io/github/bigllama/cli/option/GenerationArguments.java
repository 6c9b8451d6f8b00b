package io.github.bigllama.cli.option;

import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.core.chat.ChatOptions;
import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.structure.Grammar;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Options of answers. */
public final class GenerationArguments {
    @Option(
            names = {"-n", "--predict", "--max-tokens"},
            paramLabel = "N",
            description = "Most tokens in an answer (${DEFAULT-VALUE} = until it ends).")
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
            paramLabel = "JINJA",
            description = "The source of a chat template, or chatml. Default: the model's.")
    String template;

    @Option(
            names = "--chat-template-file",
            paramLabel = "FILE",
            description = "A file with the source of a chat template.")
    Path templateFile;

    @Option(
            names = "--no-think",
            description = "Do not reason before an answer, with models that can do without.")
    boolean noThink;

    @Option(
            names = "--grammar",
            paramLabel = "GBNF",
            description = "A grammar that answers must follow, in llama.cpp's notation.")
    String grammar;

    @Option(
            names = "--grammar-file",
            paramLabel = "FILE",
            description = "A file with a grammar that answers must follow.")
    Path grammarFile;

    @Option(
            names = {"-j", "--json-schema"},
            paramLabel = "JSON",
            description = "A JSON schema that answers must follow; {} for any JSON.")
    String schema;

    @Option(
            names = {"-jf", "--json-schema-file"},
            paramLabel = "FILE",
            description = "A file with a JSON schema that answers must follow.")
    Path schemaFile;

    @Option(
            names = "--no-context-shift",
            description =
                    "End an answer when the context is full. Default in a conversation: forget the "
                            + "oldest turns, except the system message.")
    boolean noContextShift;

    /** What to do when a conversation has outgrown the context. */
    ContextFull contextFull() {
        return noContextShift ? ContextFull.STOP : ContextFull.SHIFT;
    }

    /** The options that the arguments stand for. */
    GenerationOptions toOptions(SamplingOptions sampling) {
        GenerationOptions options =
                GenerationOptions.defaults()
                        .withMaxTokens(maxTokens)
                        .withStopStrings(stops)
                        .withThinking(!noThink)
                        .withSampling(sampling);
        return grammar().map(options::withGrammar).orElse(options);
    }

    private Optional<Grammar> grammar() {
        String gbnf = text("--grammar", grammar, grammarFile);
        String json = text("--json-schema", schema, schemaFile);
        if (gbnf != null && json != null) {
            throw CommandException.usage(
                    "a grammar and a JSON schema both set the form of an answer; leave out one of "
                            + "them");
        }
        if (json == null) {
            return Optional.ofNullable(gbnf).map(Grammar::gbnf);
        }
        return Optional.of(Grammar.json(json));
    }

    static String text(String option, String text, Path file) {
        if (file == null) {
            return text;
        }
        if (text != null) {
            throw CommandException.usage(
                    "%s and %s-file set the same; leave out one of them".formatted(option, option));
        }
        try {
            return Utf8.read(file);
        } catch (IOException e) {
            throw new CommandException(
                    ExitCode.FAILED, "cannot read " + file + ": " + CommandException.reason(e), e);
        }
    }

    /** The options of a chat that the arguments stand for. */
    public ChatOptions toChatOptions() {
        ChatOptions options = ChatOptions.defaults();
        if (system != null) {
            options = options.withSystem(system);
        }
        String source = text("--chat-template", template, templateFile);
        return source == null ? options : options.withTemplate(source);
    }

    /** Whether an option was given that applies only to chats, not to plain completions. */
    public boolean hasChatOptions() {
        return system != null || template != null || templateFile != null || noThink;
    }
}
