package io.github.bigllama.core.residency;

/** There is too little RAM even for the part of a model that is in use at a time. */
public final class InsufficientRamException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final long available;
    private final long least;

    /**
     * With so much, of so much.
     *
     * @param available bytes of RAM for weights
     * @param least bytes that would do
     */
    public InsufficientRamException(long available, long least) {
        super(
                "%.3f GB of RAM for weights are too little: the least that would do is %.3f GB"
                        .formatted(Math.max(0, available) / 1e9, least / 1e9));
        this.available = available;
        this.least = least;
    }

    /** Bytes of RAM that there were for weights; negative if not even the rest fitted. */
    public long available() {
        return available;
    }

    /** Bytes of RAM for weights that would do. */
    public long least() {
        return least;
    }
}
