package io.github.bigllama.core.residency;

/**
 * The cost of several passes over a model that does not fit into RAM. Of passes that several
 * sessions share, each session counts the whole, with the tokens of all; so sums over sessions
 * count them several times.
 *
 * @param passes number of passes over the weights
 * @param tokens number of tokens that the passes computed
 * @param nanos duration of the passes, in nanoseconds
 * @param bytesRead bytes of weights read into memory for the passes
 * @param mirrorBytes those of {@code bytesRead} that were read from mirrors of the model's files
 * @param stallNanos nanoseconds for which computing waited for weights
 * @param readNanos nanoseconds for which at least one thread was reading
 * @param expertHits number of chosen expert slices that were in memory
 * @param expertMisses number of chosen expert slices that had to be read
 * @param residentBytes bytes of weights in memory at the end
 * @param ownBytes bytes of the process's own memory that hold weights at the end; 0 if all weights
 *     are in the page cache
 * @param modelBytes bytes of all weights
 */
public record ResidencyStats(
        int passes,
        int tokens,
        long nanos,
        long bytesRead,
        long mirrorBytes,
        long stallNanos,
        long readNanos,
        long expertHits,
        long expertMisses,
        long residentBytes,
        long ownBytes,
        long modelBytes) {
    /** A computation that waits longer than this share of its time is bound by the disk. */
    private static final double DISK_BOUND = 0.1;

    /** Statistics before the first pass. */
    public static ResidencyStats none(long modelBytes) {
        return new ResidencyStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, modelBytes);
    }

    /** The statistics with one more pass. */
    public ResidencyStats plus(PassStats pass) {
        return new ResidencyStats(
                passes + 1,
                tokens + pass.tokens(),
                nanos + pass.nanos(),
                bytesRead + pass.bytesRead(),
                mirrorBytes + pass.mirrorBytes(),
                stallNanos + pass.stallNanos(),
                readNanos + pass.readNanos(),
                expertHits + pass.expertHits(),
                expertMisses + pass.expertMisses(),
                pass.residentBytes(),
                pass.ownBytes(),
                modelBytes);
    }

    /** Bytes read per token, on average; 0 before the first. */
    public long bytesPerToken() {
        return tokens == 0 ? 0 : bytesRead / tokens;
    }

    /** Bandwidth of the disk while it was read, in bytes per second; 0 if it was not. */
    public double readBytesPerSecond() {
        return readNanos == 0 ? 0 : bytesRead * 1e9 / readNanos;
    }

    /** The share of the bytes that was read from mirrors, 0 to 1. */
    public double mirrorShare() {
        return bytesRead == 0 ? 0 : (double) mirrorBytes / bytesRead;
    }

    /** The share of the weights that is in memory at the end, 0 to 1. */
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

    /** The share of chosen expert slices that were in memory, 0 to 1; 1 if none was chosen. */
    public double expertHitRate() {
        long all = expertHits + expertMisses;
        return all == 0 ? 1 : (double) expertHits / all;
    }
}
