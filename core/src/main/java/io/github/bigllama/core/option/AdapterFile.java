package io.github.bigllama.core.option;

import java.nio.file.Path;
import java.util.Objects;

/**
 * A file that changes what a model says without changing its weights: a LoRA adapter, which is
 * added to matrices, or a control vector, which is added to the activations between layers.
 *
 * @param file a GGUF file ({@code general.type} is {@code adapter}, or the architecture {@code
 *     controlvector})
 * @param scale factor of what is added; 1 for all of it, 0 for nothing, less than 0 for the
 *     opposite. Sessions begin with it where the file is one of {@link ModelOptions#adapters()};
 *     {@code LlamaSession.setAdapters} gives scales of its own
 * @param firstLayer index of the first layer whose output a control vector is added to, counted
 *     from 0 as in the names of its tensors ({@code direction.N}); at least 1, because llama.cpp
 *     never steers layer 0
 * @param lastLayer the last such layer; {@link #MAX_LAYER} for no limit
 */
public record AdapterFile(Path file, float scale, int firstLayer, int lastLayer) {
    /** The first layer that llama.cpp can steer. */
    public static final int MIN_LAYER = 1;

    /** No upper limit: up to the last layer. */
    public static final int MAX_LAYER = Integer.MAX_VALUE;

    public AdapterFile {
        Objects.requireNonNull(file, "file");
        if (!Float.isFinite(scale)) {
            throw new IllegalArgumentException(
                    "the scale of an adapter is " + scale + ", must be a number");
        }
        if (firstLayer < MIN_LAYER || lastLayer < firstLayer) {
            throw new IllegalArgumentException(
                    "layers are "
                            + firstLayer
                            + " to "
                            + lastLayer
                            + ", must be an ascending range from 1 on");
        }
    }

    /** All of an adapter. */
    public static AdapterFile of(Path file) {
        return new AdapterFile(file, 1, MIN_LAYER, MAX_LAYER);
    }

    public AdapterFile withScale(float value) {
        return new AdapterFile(file, value, firstLayer, lastLayer);
    }

    /**
     * Limits a control vector to some layers, the first and the last included. A LoRA adapter can't
     * be limited: loading it fails then.
     */
    public AdapterFile withLayers(int first, int last) {
        return new AdapterFile(file, scale, first, last);
    }

    /** Whether there is no limit to the layers. */
    public boolean hasAllLayers() {
        return firstLayer == MIN_LAYER && lastLayer == MAX_LAYER;
    }
}
