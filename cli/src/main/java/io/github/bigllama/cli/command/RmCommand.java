package io.github.bigllama.cli.command;

import io.github.bigllama.cli.models.ModelsFolder;
import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.output.ByteSize;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import java.io.Console;
import java.io.IOException;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Deletes a model from the models folder. */
@Command(
        name = "rm",
        description = {"Delete a downloaded model with all its files.", ""})
public final class RmCommand implements Callable<Integer> {
    @Parameters(
            paramLabel = "NAME",
            description = "The name that list shows; without --yes a part of it is enough.")
    String name;

    @Option(
            names = {"-y", "--yes"},
            description = "Do not ask for confirmation.")
    boolean yes;

    @Mixin CommonArguments common = new CommonArguments();

    @Override
    public Integer call() {
        ModelsFolder folder = ModelsFolder.ofEnvironment();
        try {
            ModelsFolder.Model model =
                    folder.find(name)
                            .orElseThrow(
                                    () ->
                                            CommandException.usage(
                                                    "there is no model %s in %s; bigllama list shows all models"
                                                            .formatted(name, folder.path())));
            if (yes && !model.name().equals(name)) {
                throw CommandException.usage("--yes needs the full name: " + model.name());
            }
            if (!yes && !agrees(model)) {
                return ExitCode.FAILED;
            }
            folder.delete(model);
            System.err.println(
                    "bigllama: deleted "
                            + model.name()
                            + ", "
                            + ByteSize.format(model.size())
                            + " are free");
        } catch (IOException e) {
            throw new CommandException(
                    ExitCode.FAILED,
                    "cannot delete " + name + ": " + CommandException.reason(e),
                    e);
        }
        return ExitCode.OK;
    }

    private static boolean agrees(ModelsFolder.Model model) {
        Console console = System.console();
        if (console == null || !console.isTerminal()) {
            throw CommandException.usage(
                    "rm asks before it deletes "
                            + model.name()
                            + ", but there is no terminal; add --yes");
        }
        String answer =
                console.readLine(
                        "delete %s, %s? [y/N] ", model.name(), ByteSize.format(model.size()));
        return answer != null && answer.strip().toLowerCase(Locale.ROOT).startsWith("y");
    }
}
