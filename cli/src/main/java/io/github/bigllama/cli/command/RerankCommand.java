package io.github.bigllama.cli.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.cli.option.AdapterArguments;
import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelArguments;
import io.github.bigllama.cli.option.ModelUse;
import io.github.bigllama.cli.option.PassArguments;
import io.github.bigllama.cli.option.TextArguments;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.Reranker;
import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.option.RerankingOptions;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Sorts documents by how well they answer a query. */
@Command(
        name = "rerank",
        description = {
            "Sort documents by how well they answer a query. Each line of the output is a score,"
                    + " the number of the document's line, and the document, with tabs between."
                    + " Of a model that answers yes or no, the score is the probability of yes;"
                    + " --json has both.",
            ""
        })
public final class RerankCommand implements Callable<Integer> {
    private static final String INDEX = "index";
    private static final String SCORE = "score";
    private static final String SCORES = "scores";

    @Parameters(
            index = "0",
            paramLabel = TextArguments.QUERY,
            description = "What the documents are to answer.")
    String query;

    @Parameters(
            index = "1..*",
            arity = "0..*",
            paramLabel = "DOCUMENT",
            description =
                    "The documents, one a line; without them, or with -, they are read from"
                            + " standard input. Those from a pipe or --file come first.")
    List<String> documents = new ArrayList<>();

    @Option(
            names = {"-f", "--file"},
            paramLabel = "FILE",
            description = "Read the documents from this file, one a line.")
    Path file;

    @Option(
            names = "--jsonl",
            description =
                    "Each line is JSON: a string, or an object with \"text\" and keys of your own, "
                            + "which --json repeats.")
    boolean jsonLines;

    @Option(
            names = "--json",
            description = "Print each document, its index from 0 and its score as a JSON line.")
    boolean json;

    @Option(names = "--top-n", paramLabel = "N", description = "Print only the N best.")
    int most = Integer.MAX_VALUE;

    @Mixin PassArguments pass = new PassArguments();
    @Mixin CommonArguments common = new CommonArguments();

    @ArgGroup(validate = false, heading = "%nModel:%n")
    ModelArguments model = new ModelArguments();

    @ArgGroup(validate = false, heading = "%nAdapters:%n")
    AdapterArguments adapters = new AdapterArguments();

    /** A document with its place among all, from 0, and its scores. */
    private record Scored(int index, TextInput document, float[] scores) {}

    @Override
    public Integer call() {
        if (query.isBlank()) {
            throw CommandException.usage("the query is empty");
        }
        if (most < 1) {
            throw CommandException.usage("--top-n is " + most + ", must be 1 or more");
        }
        model.requireNoDraft();
        List<TextInput> inputs = inputs();
        RerankingOptions options = options();
        try (Interruption interruption = new Interruption();
                LlamaModel loaded =
                        ModelUse.RERANK.require(
                                model.load(
                                        adapters.addTo(model.toOptions()),
                                        interruption,
                                        System.err));
                Reranker reranker = loaded.newReranker(options)) {
            loaded.residency().ifPresent(kept -> System.err.println("bigllama: " + kept.plan()));
            List<Scored> scored = new ArrayList<>();
            TextChunks.forEach(
                    inputs,
                    "documents",
                    true,
                    interruption,
                    chunk -> score(chunk, reranker, scored));
            Output out = Output.standard();
            scored.stream()
                    .sorted(Comparator.comparing((Scored each) -> -each.scores()[0]))
                    .limit(most)
                    .forEach(each -> out.println(line(each, reranker.labels())));
        }
        return ExitCode.OK;
    }

    private List<TextInput> inputs() {
        List<String> lines = new ArrayList<>();
        boolean isFromStandardInput = !documents.isEmpty() && documents.getFirst().equals("-");
        if (isFromStandardInput) {
            lines.add(documents.removeFirst());
        }
        if (!documents.isEmpty()) {
            lines.add(String.join("\n", documents));
        }
        return TextInput.of(
                "document",
                TextArguments.readLines("document", lines, file),
                jsonLines,
                false,
                List.of(INDEX, SCORE, SCORES));
    }

    private RerankingOptions options() {
        return RerankingOptions.defaults()
                .withTruncate(pass.truncate())
                .withBatchSize(pass.batchSize())
                .withThreads(pass.threads());
    }

    private void score(List<TextInput> chunk, Reranker reranker, List<Scored> all) {
        try {
            List<float[]> scores =
                    reranker.score(query, chunk.stream().map(TextInput::text).toList());
            for (int i = 0; i < chunk.size(); i++) {
                all.add(new Scored(all.size(), chunk.get(i), scores.get(i)));
            }
        } catch (PromptTooLongException e) {
            String what =
                    pass.truncate()
                            ? "the query"
                            : "line " + chunk.get(e.text()).line() + " with the query";
            throw pass.tooLong(what, e, reranker.model());
        }
    }

    private String line(Scored scored, List<String> labels) {
        float[] scores = scored.scores();
        if (json) {
            ObjectNode node = scored.document().kept().deepCopy();
            node.put(INDEX, scored.index()).put(SCORE, scores[0]);
            if (scores.length > 1) {
                ObjectNode named = node.putObject(SCORES);
                IntStream.range(0, scores.length).forEach(i -> named.put(labels.get(i), scores[i]));
            }
            return node.toString();
        }
        // In full: sort -n, unlike sort -g, takes 9.1E-5 for 9.1.
        return new BigDecimal(Float.toString(scores[0])).toPlainString()
                + "\t"
                + scored.document().line()
                + "\t"
                + scored.document().text().replaceAll("\\R", " ");
    }
}
