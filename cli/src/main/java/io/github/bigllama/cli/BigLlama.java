package io.github.bigllama.cli;

import io.github.bigllama.cli.command.BenchCommand;
import io.github.bigllama.cli.command.ChatCommand;
import io.github.bigllama.cli.command.EmbedCommand;
import io.github.bigllama.cli.command.InflateCommand;
import io.github.bigllama.cli.command.InfoCommand;
import io.github.bigllama.cli.command.InspectCommand;
import io.github.bigllama.cli.command.ListCommand;
import io.github.bigllama.cli.command.PerplexityCommand;
import io.github.bigllama.cli.command.PlanCommand;
import io.github.bigllama.cli.command.ProbeCommand;
import io.github.bigllama.cli.command.PullCommand;
import io.github.bigllama.cli.command.QuantizeCommand;
import io.github.bigllama.cli.command.RandomModelCommand;
import io.github.bigllama.cli.command.RerankCommand;
import io.github.bigllama.cli.command.ResidencyCommand;
import io.github.bigllama.cli.command.RmCommand;
import io.github.bigllama.cli.command.RunCommand;
import io.github.bigllama.cli.command.ServeCommand;
import io.github.bigllama.cli.command.TokenizeCommand;
import io.github.bigllama.cli.command.Version;
import io.github.bigllama.cli.option.QuantizationNames;
import picocli.AutoComplete.GenerateCompletion;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The program without a command: says which commands there are. */
@Command(
        name = "bigllama",
        description = "Runs GGUF language models, even larger than RAM, with llama.cpp.",
        scope = ScopeType.INHERIT,
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        subcommands = {
            RunCommand.class,
            ChatCommand.class,
            EmbedCommand.class,
            RerankCommand.class,
            ServeCommand.class,
            TokenizeCommand.class,
            InfoCommand.class,
            PullCommand.class,
            ListCommand.class,
            RmCommand.class,
            InspectCommand.class,
            PlanCommand.class,
            ResidencyCommand.class,
            BenchCommand.class,
            PerplexityCommand.class,
            QuantizeCommand.class,
            InflateCommand.class,
            RandomModelCommand.class,
            ProbeCommand.class,
            GenerateCompletion.class,
            HelpCommand.class
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:it worked",
            "1:the model, a file or the computation failed",
            "2:the arguments are wrong",
            "3:llama.cpp cannot be loaded",
            "130:interrupted by Ctrl-C (as 128 + the number of any other signal)",
            "141:nothing reads standard output any more (broken pipe)"
        })
public final class BigLlama implements Runnable {
    @Spec CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(
                spec.commandLine(), "a command is missing; try run, chat, inspect or plan");
    }

    /** Sets texts of single commands; an annotation would pass them on to all commands. */
    static void describe(CommandLine commandLine) {
        HelpText.apply(commandLine);
        commandLine
                .getCommandSpec()
                .usageMessage()
                .footer(
                        "",
                        "bigllama run \"What is the capital of France?\"    asks the demo model",
                        "bigllama chat --model FILE.gguf                   talks with yours",
                        "");
        commandLine
                .getSubcommands()
                .get("quantize")
                .getCommandSpec()
                .usageMessage()
                .footer(QuantizationNames.list());
    }
}
