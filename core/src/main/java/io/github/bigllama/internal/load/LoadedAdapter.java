package io.github.bigllama.internal.load;

import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.internal.llama.NativeHandle;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A LoRA adapter in llama.cpp's memory, or a control vector in Java's. Thread-safe; no context may
 * compute with it when it is closed.
 */
public final class LoadedAdapter implements AutoCloseable {
    /**
     * llama.cpp keeps the adapters of a model in a set, which contexts read when they prepare for
     * others than before.
     */
    private static final ReentrantLock LIST = new ReentrantLock();

    private final ModelKind kind;
    private final long bytes;
    private final int pairs;
    private final String fingerprint;

    /** Null for a control vector. */
    private final @Nullable NativeHandle lora;

    /** Of each layer from 1 on; null for a LoRA adapter. */
    private final float @Nullable [] directions;

    private volatile boolean isClosed;

    LoadedAdapter(NativeHandle lora, long bytes, int pairs, String fingerprint) {
        this.kind = ModelKind.LORA_ADAPTER;
        this.lora = lora;
        this.directions = null;
        this.bytes = bytes;
        this.pairs = pairs;
        this.fingerprint = fingerprint;
    }

    LoadedAdapter(float[] directions, String fingerprint) {
        this.kind = ModelKind.CONTROL_VECTOR;
        this.lora = null;
        this.directions = directions;
        this.bytes = (long) directions.length * Float.BYTES;
        this.pairs = 0;
        this.fingerprint = fingerprint;
    }

    /** Runs an action that reads or changes a model's list of adapters. */
    public static <T> T exclusively(Supplier<T> action) {
        LIST.lock();
        try {
            return action.get();
        } finally {
            LIST.unlock();
        }
    }

    /** {@link ModelKind#LORA_ADAPTER} or {@link ModelKind#CONTROL_VECTOR}. */
    public ModelKind kind() {
        return kind;
    }

    /** Its size in RAM. */
    public long bytes() {
        return bytes;
    }

    /** How many matrices of the model it changes. */
    public int pairs() {
        return pairs;
    }

    /** Tells it apart from others; see {@link ModelFingerprint}. */
    public String fingerprint() {
        return fingerprint;
    }

    /** The pointer of a LoRA adapter; null for a control vector. */
    public @Nullable MemorySegment lora() {
        return lora == null ? null : lora.pointer();
    }

    /**
     * What a control vector adds to the output of each layer from 1 on, layer after layer; null for
     * a LoRA adapter.
     */
    public float @Nullable [] directions() {
        return directions;
    }

    public boolean isClosed() {
        return isClosed;
    }

    @Override
    public void close() {
        isClosed = true;
        if (lora != null) {
            exclusively(
                    () -> {
                        lora.close();
                        return null;
                    });
        }
    }
}
