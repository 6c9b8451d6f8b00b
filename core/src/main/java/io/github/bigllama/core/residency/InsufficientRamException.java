package io.github.bigllama.core.residency;

import java.util.Locale;

/** There is too little RAM even for the part of a model that is used at a time. */
public final class InsufficientRamException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final long available;
    private final long least;

    /**
     * With the bytes that are available, and those needed.
     *
     * @param available bytes of RAM for weights
     * @param least the least bytes that would be enough
     */
    public InsufficientRamException(long available, long least) {
        super(
                String.format(
                        Locale.ROOT,
                        "%.3f GB of RAM for weights are too little: at least %.3f GB are needed",
                        Math.max(0, available) / 1e9,
                        least / 1e9));
        this.available = available;
        this.least = least;
    }

    private InsufficientRamException(InsufficientRamException cause, String message) {
        super(message, cause);
        available = cause.available;
        least = cause.least;
    }

    /** The same, with a message that also says what the RAM of a budget is for. */
    public InsufficientRamException in(RamBudget budget) {
        return new InsufficientRamException(
                this, getMessage() + "; " + budget.explanation(least - available));
    }

    /** Bytes of RAM that were available for weights; negative if not even the other memory fits. */
    public long available() {
        return available;
    }

    /** The least bytes of RAM for weights that would be enough. */
    public long least() {
        return least;
    }
}
