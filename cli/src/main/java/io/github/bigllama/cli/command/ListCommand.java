package io.github.bigllama.cli.command;

import io.github.bigllama.cli.models.ModelsFolder;
import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.output.ByteSize;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.output.Table;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.inspect.ModelKind;
import java.io.IOException;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Lists the models in the models folder. */
@Command(
        name = "list",
        description = {
            "List the files in the models folder: their names, which --model takes, their sizes, "
                    + "their days, and what they are, if that is no model that writes texts.",
            ""
        })
public final class ListCommand implements Callable<Integer> {
    private static final DateTimeFormatter DAY = DateTimeFormatter.ofPattern("yyyy-MM-dd");

    private static final Pattern ARTICLE = Pattern.compile("^an? ");

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
            // Headers may be on a slow disk.
            List<String> remarks =
                    models.parallelStream()
                            .map(model -> model.lack().orElseGet(() -> kind(model)))
                            .toList();
            Table table = new Table("lrll");
            for (int i = 0; i < models.size(); i++) {
                ModelsFolder.Model model = models.get(i);
                table.row(
                        model.name(),
                        ByteSize.format(model.size()),
                        DAY.format(model.modified().atZone(ZoneId.systemDefault())),
                        remarks.get(i));
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

    /** What a file is by its header; nothing for a model that writes texts. */
    private static String kind(ModelsFolder.Model model) {
        try {
            ModelKind kind = ModelKind.of(ModelFiles.read(model.files().getFirst()));
            return kind.generates() ? "" : ARTICLE.matcher(kind.toString()).replaceFirst("");
        } catch (GgufException e) {
            return "cannot be read; bigllama inspect says why";
        }
    }
}
