package io.github.bigllama.core.forecast;

/**
 * A change that makes a model faster, and by how much.
 *
 * @param kind what to change
 * @param value to what, for example {@code 4096}, {@code q8_0} or {@code 32 GB}
 * @param tokensPerSecond the expected speed then
 * @param gain that speed as a multiple of what it is without the change; infinite if it does not
 *     run without
 */
public record Advice(Kind kind, String value, double tokensPerSecond, double gain) {
    /** What can be changed. */
    public enum Kind {
        /** The tokens of context, whose keys and values take RAM. */
        CONTEXT,
        /** The type of the keys and values. */
        KV_TYPE,
        /** The types of the weights. */
        QUANTIZATION,
        /** The RAM of the machine, or what the program may use of it. */
        RAM,
        /** The bandwidth of the disk. */
        DISK
    }
}
