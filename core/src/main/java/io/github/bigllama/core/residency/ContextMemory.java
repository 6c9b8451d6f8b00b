package io.github.bigllama.core.residency;

/**
 * What a session takes of RAM besides the weights, in bytes, as llama.cpp counts it (the output
 * buffer to a hundredth of a MiB).
 *
 * @param kvCache keys and values of all positions of the context, and the state of recurrent layers
 * @param computeBuffers intermediate results of a micro-batch; a smaller batch touches a part
 * @param outputBuffer logits and embeddings
 */
public record ContextMemory(long kvCache, long computeBuffers, long outputBuffer) {
    /** All of it. */
    public long total() {
        return kvCache + computeBuffers + outputBuffer;
    }
}
