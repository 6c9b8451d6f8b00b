package io.github.bigllama.core.residency;

/**
 * The cost of one pass over the weights of a model. A pass that several sessions share is the pass
 * of each of them, as a whole, with the tokens of all.
 *
 * @param tokens number of tokens that the pass computed
 * @param nanos duration of the pass, in nanoseconds
 * @param bytesRead bytes of weights read into memory since the previous pass
 * @param mirrorBytes those of {@code bytesRead} that were read from mirrors of the model's files
 * @param stallNanos nanoseconds for which computing waited for weights
 * @param readNanos nanoseconds for which at least one thread was reading
 * @param expertHits number of chosen expert slices that were in memory
 * @param expertMisses number of chosen expert slices that had to be read
 * @param residentBytes bytes of weights in memory at the end
 * @param ownBytes bytes of the process's own memory that hold weights at the end; 0 if all weights
 *     are in the page cache
 */
public record PassStats(
        int tokens,
        long nanos,
        long bytesRead,
        long mirrorBytes,
        long stallNanos,
        long readNanos,
        long expertHits,
        long expertMisses,
        long residentBytes,
        long ownBytes) {}
