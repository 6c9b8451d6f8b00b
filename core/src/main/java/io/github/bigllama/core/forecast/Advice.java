package io.github.bigllama.core.forecast;

/**
 * A change that makes a model faster, and by how much.
 *
 * @param kind what to change
 * @param value the new setting, for example {@code 4096}, {@code q8_0} or {@code 32 GB}
 * @param tokensPerSecond the expected speed with the change
 * @param gain the expected speed divided by the speed without the change; infinite if the model
 *     does not run without it
 */
public record Advice(Kind kind, String value, double tokensPerSecond, double gain) {
    /** What can be changed. */
    public enum Kind {
        /** The context size, in tokens: keys and values take RAM. */
        CONTEXT,
        /** The type of the KV cache. */
        KV_TYPE,
        /** The types of the weights. */
        QUANTIZATION,
        /**
         * A copy of the model with fewer bits per weight that drafts tokens, of which four of five
         * are assumed to be right; how many are depends on the model and the text.
         */
        DRAFT,
        /** The RAM of the machine, or the part of it that the program may use. */
        RAM,
        /** The bandwidth of the disk. */
        DISK
    }
}
