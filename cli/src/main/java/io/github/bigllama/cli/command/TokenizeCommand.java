package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelArguments;
import io.github.bigllama.cli.option.TextArguments;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.output.TokenText;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.Tokenizer;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Prints the tokens of a text. */
@Command(
        name = "tokenize",
        description = {
            "Print the tokens of a text, one per line: the id, and the piece of text it stands "
                    + "for.",
            "",
            "Bytes that are not a whole character, and control characters, are printed as \\xNN. "
                    + "Control tokens are printed by their names, without quotes.",
            ""
        })
public final class TokenizeCommand implements Callable<Integer> {
    @Mixin TextArguments text = new TextArguments();

    @Option(names = "--ids", description = "Print only the ids, on one line.")
    boolean idsOnly;

    @Option(
            names = "--no-special",
            description =
                    "Take the names of control tokens as plain text, and do not add tokens at the "
                            + "beginning or the end.")
    boolean noSpecial;

    @Mixin CommonArguments common = new CommonArguments();

    @ArgGroup(validate = false, heading = "%nModel:%n")
    ModelArguments model = new ModelArguments();

    @Override
    public Integer call() {
        String input = text.read("text", false);
        Output out = Output.standard();
        try (Interruption interruption = new Interruption();
                LlamaModel loaded = model.loadVocabulary(interruption, System.err)) {
            Tokenizer tokenizer = loaded.tokenizer();
            int[] tokens = tokenizer.encode(input, !noSpecial, !noSpecial);
            if (idsOnly) {
                out.println(
                        Arrays.stream(tokens)
                                .mapToObj(Integer::toString)
                                .collect(Collectors.joining(" ")));
                return ExitCode.OK;
            }
            StringBuilder lines = new StringBuilder();
            for (int token : tokens) {
                String piece = TokenText.visible(tokenizer.bytes(token, true));
                lines.append(String.format(Locale.ROOT, "%7d  ", token));
                lines.append(tokenizer.isControl(token) ? piece : "'" + piece + "'").append('\n');
            }
            out.print(lines.toString());
            return ExitCode.OK;
        }
    }
}
