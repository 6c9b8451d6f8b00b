package io.github.bigllama.core.residency;

/**
 * RAM that a session takes besides the weights, in bytes, as llama.cpp reports it (the output
 * buffer to a hundredth of a MiB).
 *
 * @param kvCache keys and values for all positions of the context, and the state of recurrent
 *     layers
 * @param computeBuffers intermediate results of a micro-batch; a smaller batch uses only a part
 * @param outputBuffer logits and embeddings
 */
public record ContextMemory(long kvCache, long computeBuffers, long outputBuffer) {
    /** This memory and that of another context. */
    public ContextMemory plus(ContextMemory other) {
        return new ContextMemory(
                kvCache + other.kvCache,
                computeBuffers + other.computeBuffers,
                outputBuffer + other.outputBuffer);
    }

    /** The sum of all parts, in bytes. */
    public long total() {
        return kvCache + computeBuffers + outputBuffer;
    }
}
