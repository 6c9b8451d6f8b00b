package io.github.bigllama.core.eval;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.eval.ChunkRun.Rows;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.internal.engine.Logprobs;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.function.DoublePredicate;
import java.util.stream.IntStream;

/**
 * How far the predictions of a model are from those of a base, usually the same model before it was
 * quantized: the Kullback-Leibler divergence, sum p ln(p / q) over the vocabulary, averaged over
 * the tokens of a text, where p is the probability that the base gives and q that of the model.
 * Computed as by llama-perplexity, except that it stores the base's logits in 16 bits; here both
 * models are loaded and nothing is rounded.
 *
 * @param perplexity of the model
 * @param base perplexity of the base
 * @param ratio perplexity of the model divided by that of the base
 * @param ratioError its standard error
 * @param mean the mean divergence, in nats; 0 if both predict the same
 * @param meanError its standard error
 * @param quantile99 the 99th percentile of the divergence, in nats
 * @param max the largest divergence, in nats
 * @param sameTop the share of tokens for which both find the same token most likely, 0 to 1
 */
public record KlDivergence(
        Perplexity perplexity,
        Perplexity base,
        double ratio,
        double ratioError,
        double mean,
        double meanError,
        double quantile99,
        double max,
        double sameTop) {

    /** The results for one token. */
    private record One(double loss, double baseLoss, double divergence, boolean sameTop) {}

    /**
     * Computes the divergence on the calling thread; opens a session of each model meanwhile, and
     * calls {@code progress} before each batch.
     *
     * @param model the model
     * @param base a model with the same vocabulary
     * @param tokens a text, at least two chunks long; see {@link Perplexity#of}
     * @param session options of both sessions; a chunk is as long as the context
     * @param mostChunks the most chunks to compute; 0 for all of the text
     * @param progress is given the part that is done, 0 to 1; returns false to cancel
     * @throws IllegalArgumentException if the text is too short, or the vocabularies differ
     * @throws CancellationException if the progress callback cancelled it
     * @throws DecodeException if a model can't compute
     */
    public static KlDivergence of(
            LlamaModel model,
            LlamaModel base,
            int[] tokens,
            SessionOptions session,
            int mostChunks,
            DoublePredicate progress) {
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(base, "base");
        Objects.requireNonNull(tokens, "tokens");
        Objects.requireNonNull(session, "session");
        Objects.requireNonNull(progress, "progress");
        requireSameVocabulary(model, base, tokens);
        try (ChunkRun run = new ChunkRun(model, tokens, session, mostChunks);
                ChunkRun baseRun = new ChunkRun(base, tokens, session, mostChunks)) {
            Sums sums = new Sums();
            for (int chunk = 0; chunk < run.chunks(); chunk++) {
                for (int batch = 0; batch < run.batches(); batch++) {
                    if (!progress.test((chunk + (double) batch / run.batches()) / run.chunks())) {
                        throw new CancellationException("cancelled");
                    }
                    sums.add(run.compute(chunk, batch), baseRun.compute(chunk, batch));
                }
            }
            progress.test(1);
            return sums.result(run);
        }
    }

    private static void requireSameVocabulary(LlamaModel model, LlamaModel base, int[] tokens) {
        boolean same =
                model.vocabularySize() == base.vocabularySize()
                        && IntStream.of(tokens)
                                .distinct()
                                .allMatch(
                                        token ->
                                                Arrays.equals(
                                                        model.tokenizer().bytes(token, true),
                                                        base.tokenizer().bytes(token, true)));
        if (!same) {
            throw new IllegalArgumentException(
                    "%s and %s have different vocabularies: they can't be compared; choose a base with the same vocabulary"
                            .formatted(model.path(), base.path()));
        }
    }

    private static final class Sums {
        private final Moments losses = new Moments();
        private final Moments baseLosses = new Moments();
        private final Moments divergences = new Moments();
        private double products;
        private int sameTop;
        private double[] all = {};

        void add(Rows rows, Rows baseRows) {
            int count = rows.targets().length;
            One[] ones = new One[count];
            IntStream.range(0, count)
                    .parallel()
                    .forEach(
                            i ->
                                    ones[i] =
                                            compare(
                                                    rows.logits().get(i),
                                                    baseRows.logits().get(i),
                                                    rows.targets()[i]));
            all = Arrays.copyOf(all, all.length + count);
            for (int i = 0; i < count; i++) {
                One one = ones[i];
                losses.add(one.loss);
                baseLosses.add(one.baseLoss);
                divergences.add(one.divergence);
                products += one.loss * one.baseLoss;
                sameTop += one.sameTop ? 1 : 0;
                all[all.length - count + i] = one.divergence;
            }
        }

        private static One compare(float[] row, float[] baseRow, int target) {
            double log = Logprobs.logOfSum(row);
            double baseLog = Logprobs.logOfSum(baseRow);
            double divergence = 0;
            int top = 0;
            int baseTop = 0;
            for (int i = 0; i < row.length; i++) {
                double p = baseRow[i] - baseLog;
                divergence += Math.exp(p) * (p - (row[i] - log));
                top = row[i] > row[top] ? i : top;
                baseTop = baseRow[i] > baseRow[baseTop] ? i : baseTop;
            }
            return new One(
                    log - row[target], baseLog - baseRow[target], divergence, top == baseTop);
        }

        KlDivergence result(ChunkRun run) {
            int count = losses.count();
            double covariance =
                    (products / count - losses.mean() * baseLosses.mean()) / Math.max(1, count - 1);
            double variance =
                    square(losses.standardError())
                            + square(baseLosses.standardError())
                            - 2 * covariance;
            double ratio = Math.exp(losses.mean() - baseLosses.mean());
            Arrays.sort(all);
            return new KlDivergence(
                    Perplexity.of(losses, run),
                    Perplexity.of(baseLosses, run),
                    ratio,
                    ratio * Math.sqrt(Math.max(0, variance)),
                    divergences.mean(),
                    divergences.standardError(),
                    quantile(0.99),
                    all[all.length - 1],
                    (double) sameTop / count);
        }

        private double quantile(double fraction) {
            double place = fraction * (all.length - 1);
            int below = (int) place;
            int above = Math.min(below + 1, all.length - 1);
            return all[below] + (place - below) * (all[above] - all[below]);
        }

        private static double square(double value) {
            return value * value;
        }
    }
}
