package io.github.bigllama.cli.page;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the live page shows of one moment, as JSON for its script. Numbers of bytes are whole, and
 * shares are digits from 0 (nothing) to 9 (all), one for each cell of a layer.
 *
 * @param model the name of the model
 * @param bytes bytes of its weights
 * @param plan what stays in RAM; null if all of the model fits
 * @param layers where the weights are, in the order of use; empty if all of the model fits
 * @param experts how often each expert was chosen; empty for a dense model
 * @param speed the last pass; null if there was none since the previous moment
 * @param conversations use of the context
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record PageSnapshot(
        String model,
        long bytes,
        @Nullable Plan plan,
        List<Layer> layers,
        List<String> experts,
        @Nullable Speed speed,
        List<Conversation> conversations) {
    /**
     * The plan.
     *
     * @param ram bytes of RAM for weights
     * @param kept bytes that stay of what every token uses
     * @param cache bytes for experts
     * @param read bytes that a token reads
     * @param active bytes that a token uses
     */
    public record Plan(long ram, long kept, long cache, long read, long active) {}

    /**
     * A layer.
     *
     * @param name its number, or what is before or after the layers
     * @param bytes bytes of its weights
     * @param resident the share in RAM of each cell
     * @param pinned the share of each cell that stays there
     */
    public record Layer(String name, long bytes, String resident, String pinned) {}

    /**
     * The last pass.
     *
     * @param tokens tokens per second
     * @param read bytes read per token
     * @param bandwidth bytes read per second
     * @param stall the share of the time in which computing waited for weights, 0 to 1
     * @param hits the share of chosen experts that were in memory, 0 to 1; null for a dense model
     */
    public record Speed(
            double tokens, long read, long bandwidth, double stall, @Nullable Double hits) {}

    /**
     * A conversation.
     *
     * @param name its number
     * @param used tokens in the context
     * @param size tokens that fit
     * @param busy whether an answer is being computed
     */
    public record Conversation(String name, long used, long size, boolean busy) {}
}
