package io.github.bigllama.cli.option;

import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.chat.ChatOptions;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.SessionOptions;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;

/** All options of answers, shared by single answers and chats. */
public final class GenerationSettings {
    @ArgGroup(validate = false, heading = "%nAnswer:%n", order = 10)
    GenerationArguments generation = new GenerationArguments();

    @ArgGroup(validate = false, heading = "%nModel:%n", order = 11)
    ModelArguments model = new ModelArguments();

    @ArgGroup(validate = false, heading = "%nAdapters:%n", order = 12)
    AdapterArguments adapters = new AdapterArguments();

    @ArgGroup(validate = false, heading = "%nContext and threads:%n", order = 13)
    SessionArguments session = new SessionArguments();

    @ArgGroup(validate = false, heading = "%nSampling:%n", order = 14)
    SamplingArguments sampling = new SamplingArguments();

    /**
     * Options of one answer. The demo model answers greedily, because it is too small for random
     * choices.
     */
    public GenerationOptions generationOptions() {
        float temperature = model.isDemo() ? 0 : SamplingOptions.defaults().temperature();
        return generation.toOptions(sampling.toOptions(temperature));
    }

    /** Options of answers in a conversation, which may outgrow the context. */
    public GenerationOptions conversationOptions() {
        return generationOptions().withContextFull(generation.contextFull());
    }

    /** The options of a chat that the arguments stand for. */
    public ChatOptions chatOptions() {
        return generation.toChatOptions();
    }

    /** Whether an option was given that applies only to chats, not to plain completions. */
    public boolean hasChatOptions() {
        return generation.hasChatOptions();
    }

    public LlamaModel load(Interruption interruption, PrintStream err) {
        return ModelUse.WRITE.require(model.load(modelOptions(), interruption, err));
    }

    private ModelOptions modelOptions() {
        return session.addTo(adapters.addTo(model.toOptions()));
    }

    /**
     * Loads the model with its projector.
     *
     * @param needed why it needs one, for a message; null if it does not
     */
    public LlamaModel load(
            ProjectorArguments projector,
            @Nullable String needed,
            Interruption interruption,
            PrintStream err) {
        Path path = model.path(err);
        ModelUse.WRITE.requireHeader(path, model.toOptions().metadataOverrides());
        ModelOptions options = projector.with(modelOptions(), path, needed, err);
        return projector.load(
                options.projector().orElse(null),
                () -> ModelUse.WRITE.require(model.load(options, path, interruption, err)));
    }

    /** The options of sessions that share a context, with room for each as for one alone. */
    public SessionOptions sharedOptions(LlamaModel loaded, int sessions) {
        if (sessions < 1 || sessions > SessionOptions.MAX_SEQUENCES) {
            throw CommandException.usage(
                    String.format(
                            Locale.ROOT,
                            "--parallel is %d, must be 1 to %d",
                            sessions,
                            SessionOptions.MAX_SEQUENCES));
        }
        SessionOptions one = session.toOptions(loaded.trainedContextSize());
        int size = one.contextSize() == 0 ? loaded.trainedContextSize() : one.contextSize();
        if (size == SessionOptions.AUTO_CONTEXT) {
            return one.withSequences(sessions);
        }
        long all = (long) size * sessions;
        if (all > Integer.MAX_VALUE) {
            throw CommandException.usage(
                    String.format(
                            Locale.ROOT,
                            "%d contexts of %d tokens are too many; give a smaller --parallel or --context-size",
                            sessions,
                            size));
        }
        return one.withContextSize((int) all).withSequences(sessions);
    }

    public LlamaSession newSession(LlamaModel loaded) {
        LlamaSession opened = loaded.newSession(session.toOptions(loaded.trainedContextSize()));
        session.explain(opened, System.err);
        return opened;
    }
}
