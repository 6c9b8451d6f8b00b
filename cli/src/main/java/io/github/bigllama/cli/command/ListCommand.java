package io.github.bigllama.cli.command;

import io.github.bigllama.cli.models.ModelsFolder;
import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.output.ByteSize;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.output.Table;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import java.io.IOException;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Lists the models in the models folder. */
@Command(
        name = "list",
        description = {"List the downloaded models; --model takes their names.", ""})
public final class ListCommand implements Callable<Integer> {
    private static final DateTimeFormatter DAY = DateTimeFormatter.ofPattern("yyyy-MM-dd");

    @Mixin CommonArguments common = new CommonArguments();

    @Override
    public Integer call() {
        ModelsFolder folder = ModelsFolder.ofEnvironment();
        try {
            List<ModelsFolder.Model> models = folder.list();
            if (models.isEmpty()) {
                System.err.println(
                        "bigllama: there are no models in "
                                + folder.path()
                                + "; bigllama pull downloads one");
                return ExitCode.OK;
            }
            Table table = new Table("lrll");
            for (ModelsFolder.Model model : models) {
                table.row(
                        model.name(),
                        ByteSize.format(model.size()),
                        DAY.format(model.modified().atZone(ZoneId.systemDefault())),
                        model.lack().orElse(""));
            }
            table.lines().forEach(Output.standard()::println);
        } catch (IOException e) {
            throw new CommandException(
                    ExitCode.FAILED,
                    "cannot read " + folder.path() + ": " + CommandException.reason(e),
                    e);
        }
        return ExitCode.OK;
    }
}
