package io.github.bigllama.core.residency;

/**
 * What a pass over the weights of a model cost.
 *
 * @param tokens tokens that it computed
 * @param nanos how long it took, in nanoseconds
 * @param bytesRead bytes of weights brought into memory since the pass before
 * @param stallNanos how long computing waited for weights
 * @param readNanos for how long at least one reader was reading
 * @param expertHits slices of experts that were in memory when they were chosen
 * @param expertMisses slices of experts that had to be read
 * @param residentBytes bytes of weights in memory at its end
 * @param ownBytes bytes of memory of the process's own that are for weights at its end; 0 if all
 *     are in the page cache
 */
public record PassStats(
        int tokens,
        long nanos,
        long bytesRead,
        long stallNanos,
        long readNanos,
        long expertHits,
        long expertMisses,
        long residentBytes,
        long ownBytes) {}
