package io.github.bigllama.cli;

import io.github.bigllama.cli.process.Terminals;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Help.Column;
import picocli.CommandLine.Help.TextTable;
import picocli.CommandLine.Model.UsageMessageSpec;

/** The layout of {@code --help}: as wide as the terminal, with the commands grouped by purpose. */
final class HelpText {
    /**
     * Widths in columns: the least that picocli can handle, the usual one, and the most that is
     * easy to read.
     */
    private static final int NARROWEST = 55;

    private static final int USUAL = 80;
    private static final int WIDEST = 120;

    private static final int INDENT = 2;

    /** Commands with the same purpose. */
    record Group(String title, List<Entry> commands) {}

    /** A command and its description, which fit into a line of 80 characters. */
    record Entry(String name, String text) {}

    static final List<Group> GROUPS =
            List.of(
                    new Group(
                            "Use a model",
                            List.of(
                                    new Entry("run", "answer one prompt"),
                                    new Entry("chat", "hold a conversation"),
                                    new Entry("embed", "turn texts into vectors"),
                                    new Entry("rerank", "sort documents by a query"),
                                    new Entry("serve", "answer over HTTP"),
                                    new Entry("tokenize", "show the tokens of a text"))),
                    new Group(
                            "Get models",
                            List.of(
                                    new Entry("pull", "download a model"),
                                    new Entry("list", "list the downloaded models"),
                                    new Entry("rm", "delete a downloaded model"))),
                    new Group(
                            "Look at a model",
                            List.of(
                                    new Entry(
                                            "inspect", "what it is: size, types, shape, metadata"),
                                    new Entry(
                                            "plan",
                                            "how it will run here: RAM, speed, what would help"),
                                    new Entry("residency", "which parts of it are in RAM now"))),
                    new Group(
                            "Measure",
                            List.of(
                                    new Entry("bench", "speed"),
                                    new Entry("perplexity", "how well a model predicts a text"))),
                    new Group(
                            "Make models",
                            List.of(
                                    new Entry(
                                            "quantize", "write a model with fewer bits per weight"),
                                    new Entry(
                                            "inflate",
                                            "make a model larger, with the same answers"),
                                    new Entry(
                                            "random-model", "make a model to measure speed with"))),
                    new Group(
                            "This program",
                            List.of(
                                    new Entry("info", "versions, devices, CPU features"),
                                    new Entry("generate-completion", "completion for bash and zsh"),
                                    new Entry("help", "help on a command"))));

    private HelpText() {}

    static void apply(CommandLine commandLine) {
        commandLine.setUsageHelpWidth(width());
        commandLine
                .getHelpSectionMap()
                .put(UsageMessageSpec.SECTION_KEY_COMMAND_LIST_HEADING, help -> "");
        commandLine
                .getHelpSectionMap()
                .put(UsageMessageSpec.SECTION_KEY_COMMAND_LIST, HelpText::commands);
    }

    /** The width of the terminal, which may be behind a pager. */
    private static int width() {
        int columns =
                Stream.of(Terminals.STDOUT, Terminals.STDERR, Terminals.STDIN)
                        .map(Terminals::size)
                        .flatMap(Optional::stream)
                        .map(Terminals.Size::columns)
                        .findFirst()
                        .orElse(USUAL);
        return Math.clamp(columns, NARROWEST, WIDEST);
    }

    private static String commands(Help help) {
        int name =
                INDENT
                        + GROUPS.stream()
                                .flatMap(group -> group.commands.stream())
                                .mapToInt(entry -> entry.name.length())
                                .max()
                                .orElse(0);
        StringBuilder text = new StringBuilder();
        for (Group group : GROUPS) {
            TextTable table =
                    TextTable.forColumns(
                            help.colorScheme(),
                            new Column(name, INDENT, Column.Overflow.SPAN),
                            new Column(
                                    help.commandSpec().usageMessage().width() - name,
                                    INDENT,
                                    Column.Overflow.WRAP));
            group.commands.forEach(entry -> table.addRowValues(entry.name, entry.text));
            text.append("%n%s:%n%s".formatted(group.title, table));
        }
        return text.toString();
    }
}
