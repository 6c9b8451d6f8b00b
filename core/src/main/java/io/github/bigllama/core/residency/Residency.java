package io.github.bigllama.core.residency;

import java.util.Optional;

/**
 * What bigllama keeps in RAM of a model that does not fit. Thread-safe. Once the model is closed,
 * it tells what was last.
 */
public interface Residency {
    /**
     * Which part stays in RAM now and how much is read per token. The plan follows the free RAM.
     */
    ResidencyPlan plan();

    /**
     * Where the weights are now, and which of them stay.
     *
     * @param cells number of parts to cut each layer into, at least 1
     * @throws IllegalArgumentException if it is less
     */
    ResidencyMap map(int cells);

    /** The cost of the last pass of any session; empty before its end. */
    Optional<PassStats> lastPass();

    /** The cost of all passes of all sessions. */
    ResidencyStats stats();

    /**
     * How often each expert of each layer has been chosen since the model was loaded, layer after
     * layer; empty for a dense model.
     */
    int[] expertUses();
}
