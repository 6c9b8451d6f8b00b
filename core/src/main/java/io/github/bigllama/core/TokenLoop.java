package io.github.bigllama.core;

import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.internal.draft.Drafter;
import io.github.bigllama.internal.engine.Adapters;
import io.github.bigllama.internal.engine.Lane;
import io.github.bigllama.internal.engine.Logprobs;
import io.github.bigllama.internal.engine.SamplerChain;
import io.github.bigllama.internal.engine.Sequence;
import io.github.bigllama.internal.media.MediaPiece;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The loop from token to token: computes a token in one pass with a draft of the following ones,
 * then chooses a token at each place as long as the draft was right.
 */
final class TokenLoop {
    /** The outcome of a computation. */
    enum Outcome {
        COMPUTED,
        CANCELLED,
        CONTEXT_FULL
    }

    private static final int[] NONE = {};

    private final LlamaModel model;
    private final Lane lane;
    private final Sequence sequence;
    private final SamplerChain sampler;
    private final GenerationOptions options;
    private final @Nullable Drafter drafter;

    /** The draft that was computed in the last pass. */
    private int[] draft = NONE;

    /** Number of its tokens that were right. */
    private int accepted;

    /** Seconds that the last pass took; 0 before the first. */
    private double seconds;

    private final @Nullable Logprobs logprobs;
    private SpeculationStats stats = SpeculationStats.NONE;

    TokenLoop(
            LlamaModel model,
            Lane lane,
            SamplerChain sampler,
            GenerationOptions options,
            @Nullable Drafter drafter) {
        this.model = model;
        this.lane = lane;
        this.sequence = lane.sequence();
        this.sampler = sampler;
        this.options = options;
        this.drafter = drafter;
        this.logprobs = options.logprobs() == 0 ? null : new Logprobs(model.vocabularySize());
    }

    /** Begins an answer to a prompt. */
    void begin(int[] prompt) {
        sampler.accept(MediaPiece.text(prompt));
        if (drafter != null && !MediaPiece.isIn(prompt, prompt.length)) {
            drafter.begin(prompt);
        }
    }

    /** The counts so far; empty without speculation. */
    Optional<SpeculationStats> stats() {
        return drafter == null ? Optional.empty() : Optional.of(stats);
    }

    /** Chooses a token from the last outputs. */
    int choose() {
        MemorySegment logits = lane.outputs().last();
        if (logprobs != null) {
            logprobs.read(logits);
        }
        return sampler.sample(logits, sequence).orElseThrow(this::notNumbers);
    }

    /** How likely the model found the token that was chosen last, and others instead. */
    TokenLogprob logprobs(int chosen) {
        Logprobs read = Objects.requireNonNull(logprobs);
        return new TokenLogprob(
                chosen,
                text(chosen),
                read.of(chosen),
                Arrays.stream(read.top(options.logprobs()))
                        .mapToObj(
                                token ->
                                        new TokenLogprob.Alternative(
                                                token, text(token), read.of(token)))
                        .toList());
    }

    private String text(int token) {
        return model.tokenizer().decode(new int[] {token}, true);
    }

    /** Whether a chosen token had been drafted, so that it is already computed. */
    boolean accept(int token) {
        if (accepted == draft.length || draft[accepted] != token) {
            return false;
        }
        accepted++;
        lane.confirm();
        return true;
    }

    /**
     * Computes a token, with a draft of the following ones.
     *
     * @param left the most tokens that are still wanted
     * @param generated number of tokens chosen so far, this one included
     */
    Outcome compute(int token, long left, int generated) {
        judge();
        long start = System.nanoTime();
        Outcome outcome = pass(token, left, generated);
        seconds = outcome == Outcome.COMPUTED ? (System.nanoTime() - start) / 1e9 : 0;
        return outcome;
    }

    /** Judges the last draft, of which no further token can turn out right. */
    void judge() {
        if (seconds > 0) {
            stats = stats.plus(draft.length, accepted);
            if (drafter != null) {
                drafter.observe(draft.length, accepted, seconds);
            }
        }
        draft = NONE;
        accepted = 0;
        seconds = 0;
    }

    private Outcome pass(int token, long left, int generated) {
        int room = Math.min(lane.context().size() - sequence.used(), lane.context().batchSize());
        try {
            if (room > 0) {
                int[] guess = guess(token, (int) Math.min(left - 1, room - 1));
                try {
                    return decode(token, guess);
                } catch (DecodeException e) {
                    if (e.status() != DecodeException.NO_ROOM || guess.length == 0) {
                        throw e;
                    }
                    return decode(token, NONE);
                }
            }
        } catch (DecodeException e) {
            // Other sequences fill the rest of the context.
            if (e.status() != DecodeException.NO_ROOM) {
                throw e;
            }
        }
        if (!canShift(generated)) {
            return Outcome.CONTEXT_FULL;
        }
        return lane.shift(kept()) ? decode(token, NONE) : Outcome.CANCELLED;
    }

    private int[] guess(int token, int most) {
        // Neither n-grams nor a draft model know what is in an image.
        return drafter == null || most <= 0 || sequence.holdsMedia()
                ? NONE
                : drafter.draft(sequence.tokens(), token, most);
    }

    private Outcome decode(int token, int[] guess) {
        boolean isDone =
                guess.length == 0
                        ? lane.decode(new int[] {token}, 0, 1, 0)
                        : lane.decode(token, guess);
        if (isDone) {
            draft = guess;
        }
        return isDone ? Outcome.COMPUTED : Outcome.CANCELLED;
    }

    private boolean canShift(int generated) {
        boolean isEndless =
                options.maxTokens() == GenerationOptions.UNLIMITED
                        && generated >= lane.context().size();
        return options.contextFull() == ContextFull.SHIFT
                && !isEndless
                && !sequence.holdsMedia()
                && kept() < sequence.used() - 1;
    }

    private int kept() {
        return Math.max(options.keep(), model.tokenizer().addsBeginOfSequence() ? 1 : 0);
    }

    /** Damaged weights give NaN, and llama.cpp's samplers abort the process on NaN. */
    private DecodeException notNumbers() {
        return new DecodeException(
                "the model computed logits that are not numbers after "
                        + sequence.used()
                        + " tokens; the weights in "
                        + model.path()
                        + (lane.adapters() == Adapters.NONE ? "" : ", or in an adapter,")
                        + (sequence.holdsMedia() ? ", or in the projector," : "")
                        + " are damaged, or too large for their type: download or convert it again",
                0,
                List.of());
    }
}
