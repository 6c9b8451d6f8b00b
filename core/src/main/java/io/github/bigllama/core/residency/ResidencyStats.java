package io.github.bigllama.core.residency;

/**
 * What some passes over a model that does not fit into RAM have cost.
 *
 * @param passes passes over the weights
 * @param tokens tokens that they computed
 * @param nanos how long they took, in nanoseconds
 * @param bytesRead bytes of weights brought into memory for them
 * @param stallNanos how long computing waited for weights
 * @param readNanos for how long at least one reader was reading
 * @param expertHits slices of experts that were in memory when they were chosen
 * @param expertMisses slices of experts that had to be read
 * @param residentBytes bytes of weights in memory at the end
 * @param ownBytes bytes of memory of the process's own that are for weights at the end; 0 if all
 *     are in the page cache
 * @param modelBytes bytes of all weights
 */
public record ResidencyStats(
        int passes,
        int tokens,
        long nanos,
        long bytesRead,
        long stallNanos,
        long readNanos,
        long expertHits,
        long expertMisses,
        long residentBytes,
        long ownBytes,
        long modelBytes) {
    /** Waiting longer than this share of the time is waiting for the disk. */
    private static final double DISK_BOUND = 0.1;

    /** No pass yet. */
    public static ResidencyStats none(long modelBytes) {
        return new ResidencyStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, modelBytes);
    }

    /** These passes and one more. */
    public ResidencyStats plus(PassStats pass) {
        return new ResidencyStats(
                passes + 1,
                tokens + pass.tokens(),
                nanos + pass.nanos(),
                bytesRead + pass.bytesRead(),
                stallNanos + pass.stallNanos(),
                readNanos + pass.readNanos(),
                expertHits + pass.expertHits(),
                expertMisses + pass.expertMisses(),
                pass.residentBytes(),
                pass.ownBytes(),
                modelBytes);
    }

    /** Bytes read for a token, on average; 0 before the first. */
    public long bytesPerToken() {
        return tokens == 0 ? 0 : bytesRead / tokens;
    }

    /** What the disk gave while it was asked, in bytes a second; 0 if it was not. */
    public double readBytesPerSecond() {
        return readNanos == 0 ? 0 : bytesRead * 1e9 / readNanos;
    }

    /** The share of the weights that is in memory, 0 to 1. */
    public double residentShare() {
        return modelBytes == 0 ? 0 : (double) residentBytes / modelBytes;
    }

    /** The share of the time that computing waited for weights, 0 to 1. */
    public double stalledShare() {
        return nanos == 0 ? 0 : (double) stallNanos / nanos;
    }

    /** Whether a faster disk, or more RAM, would help more than faster cores. */
    public boolean isDiskBound() {
        return stalledShare() > DISK_BOUND;
    }

    /** The share of chosen slices of experts that were in memory; 1 if none was chosen. */
    public double expertHitRate() {
        long all = expertHits + expertMisses;
        return all == 0 ? 1 : (double) expertHits / all;
    }
}
