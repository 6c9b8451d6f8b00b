package io.github.bigllama.core;

import io.github.bigllama.core.option.ModelOptions;

/**
 * A device that llama.cpp computes on.
 *
 * @param name its name in {@link ModelOptions#devices()}, for example {@code CPU} or {@code Metal}
 * @param description what it is, for example the model of the processor
 * @param kind what kind of device it is
 * @param memoryFree free memory of the device, in bytes
 * @param memoryTotal all memory of the device, in bytes
 */
public record Device(
        String name, String description, Kind kind, long memoryFree, long memoryTotal) {
    /** The kinds of device ({@code ggml_backend_dev_type}). */
    public enum Kind {
        /** A processor with the system's memory. */
        CPU,
        /** A graphics processor with memory of its own. */
        GPU,
        /** A graphics processor in the system's memory. */
        INTEGRATED_GPU,
        /** A unit that helps the processor, such as a BLAS library. */
        ACCELERATOR,
        /** Several devices as one. */
        META
    }
}
