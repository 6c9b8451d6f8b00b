package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelArguments;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.core.Device;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaRuntime;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatTemplateException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.SessionOptions;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Prints the versions of this program and the devices of this machine. */
@Command(
        name = "info",
        description = {
            "Print versions, devices and CPU features; with --model also facts about the model.",
            ""
        })
public final class InfoCommand implements Callable<Integer> {
    /** Smallest context that llama.cpp takes without rounding it up. */
    private static final int PROBE_CONTEXT = 256;

    @Mixin CommonArguments common = new CommonArguments();

    @ArgGroup(validate = false, heading = "%nModel:%n")
    ModelArguments model = new ModelArguments();

    private final StringBuilder text = new StringBuilder();

    @Override
    public Integer call() {
        LlamaRuntime runtime = LlamaRuntime.load();
        line("bigllama", Version.text());
        line("Java", Runtime.version() + ", " + System.getProperty("java.vm.name"));
        line("llama.cpp", runtime.version());
        line(
                "natives",
                "%s, %s, %s".formatted(runtime.origin(), runtime.flavour(), runtime.directory()));
        for (Device device : runtime.devices()) {
            line(
                    "device",
                    "%s (%s), %s of %s free"
                            .formatted(
                                    device.name(),
                                    device.description(),
                                    gigabytes(device.memoryFree()),
                                    gigabytes(device.memoryTotal())));
        }
        line("CPU", String.join(" ", runtime.cpuFeatures()));
        line("threads", Integer.toString(runtime.defaultThreads()));
        if (!model.isDemo()) {
            describeModel();
        }
        Output.standard().print(text.toString());
        return ExitCode.OK;
    }

    private void describeModel() {
        try (Interruption interruption = new Interruption();
                LlamaModel loaded = model.loadMapped(interruption, System.err)) {
            line("model", loaded.path().toString());
            line("kind", loaded.description());
            line("size", bytes(loaded.sizeInBytes()));
            line("parameters", number(loaded.parameterCount()));
            line("layers", Integer.toString(loaded.layerCount()));
            line("context", loaded.trainedContextSize() + " tokens");
            line("vocabulary", loaded.vocabularySize() + " tokens");
            line("template", template(loaded));
        }
    }

    /** Only a chat knows whether the template works; a context this small costs nothing. */
    private static String template(LlamaModel loaded) {
        if (loaded.chatTemplate().isEmpty()) {
            return "none; chats are written as ChatML";
        }
        SessionOptions options =
                SessionOptions.defaults()
                        .withContextSize(PROBE_CONTEXT)
                        .withBatchSizes(PROBE_CONTEXT, PROBE_CONTEXT);
        try (LlamaSession session = loaded.newSession(options)) {
            new Chat(session);
            return "the model's own";
        } catch (ChatTemplateException e) {
            return "unusable: " + e.getMessage() + "; give another one with --chat-template";
        } catch (SessionException e) {
            return "unusable: " + e.getMessage();
        }
    }

    private void line(String name, String value) {
        text.append("%-11s %s%n".formatted(name, value));
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
    }

    private static String bytes(long bytes) {
        return bytes < 1e9
                ? String.format(Locale.ROOT, "%.1f MB", bytes / 1e6)
                : String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
    }

    private static String number(long count) {
        return count < 1e9
                ? String.format(Locale.ROOT, "%.2f M", count / 1e6)
                : String.format(Locale.ROOT, "%.2f G", count / 1e9);
    }
}
