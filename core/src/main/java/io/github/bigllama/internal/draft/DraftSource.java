package io.github.bigllama.internal.draft;

/** Where the drafts of a sequence come from. Not thread-safe. */
interface DraftSource extends AutoCloseable {
    int[] NONE = {};

    /** Begins an answer to a prompt. */
    void begin(int[] prompt);

    /** Most tokens of a draft. */
    int most();

    /**
     * Drafts the following tokens.
     *
     * @param tokens the tokens in the KV cache
     * @param last the token after those
     * @param most the most tokens to draft
     */
    int[] draft(int[] tokens, int last, int most);

    /** Whether looking for a draft in vain takes no time to speak of. */
    boolean isFree();

    /** Seconds that the last draft took for text that no pass had computed, such as a prompt. */
    default double catchingUp() {
        return 0;
    }

    /** Notes how many tokens of the last draft, which had some, were right. */
    void accepted(int count);

    @Override
    void close();
}
