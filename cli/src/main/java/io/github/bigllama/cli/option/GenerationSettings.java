package io.github.bigllama.cli.option;

import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.chat.ChatOptions;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import java.io.PrintStream;
import picocli.CommandLine.ArgGroup;

/** Everything about an answer, the same for one and for a chat. */
public final class GenerationSettings {
    @ArgGroup(validate = false, heading = "%nAnswer:%n", order = 10)
    GenerationArguments generation = new GenerationArguments();

    @ArgGroup(validate = false, heading = "%nModel:%n", order = 11)
    ModelArguments model = new ModelArguments();

    @ArgGroup(validate = false, heading = "%nContext and threads:%n", order = 12)
    SessionArguments session = new SessionArguments();

    @ArgGroup(validate = false, heading = "%nSampling:%n", order = 13)
    SamplingArguments sampling = new SamplingArguments();

    /** What the demo model says at random is nonsense more often than with a model of some size. */
    public GenerationOptions generationOptions() {
        float temperature = model.isDemo() ? 0 : SamplingOptions.defaults().temperature();
        return generation.toOptions(sampling.toOptions(temperature));
    }

    /** The same in a conversation, which may outgrow the context. */
    public GenerationOptions conversationOptions() {
        return generationOptions().withContextFull(generation.contextFull());
    }

    /** The beginning of the chat that the arguments stand for. */
    public ChatOptions chatOptions() {
        return generation.toChatOptions();
    }

    /** Whether something was said about the chat, which a plain completion has not. */
    public boolean hasChatOptions() {
        return generation.hasChatOptions();
    }

    public LlamaModel load(Interruption interruption, PrintStream err) {
        return model.load(model.toOptions(), interruption, err);
    }

    public LlamaSession newSession(LlamaModel loaded) {
        boolean fitted = loaded.residencyPlan().isEmpty();
        LlamaSession opened = loaded.newSession(session.toOptions(loaded.trainedContextSize()));
        if (fitted) {
            loaded.residencyPlan().ifPresent(plan -> System.err.println("bigllama: " + plan));
        }
        session.explain(opened, System.err);
        return opened;
    }
}
