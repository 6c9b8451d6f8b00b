package io.github.bigllama.internal.threads;

import io.github.bigllama.bindings.llama.llama_context_params;
import io.github.bigllama.bindings.llama.llama_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicBoolean;

/** Ends the computation of a context early. Thread-safe. */
public final class AbortSwitch {
    /** The flag that llama.cpp reads: a byte other than 0 ends a computation. */
    private final MemorySegment flag;

    /** The signal that the current computation follows. */
    private AtomicBoolean signal;

    public AbortSwitch(Arena arena) {
        flag = arena.allocate(ValueLayout.JAVA_BYTE);
    }

    public void install(MemorySegment params) {
        // llama.cpp calls this function before each of the thousand operations of a token while the
        // other threads wait: an upcall would cost a few percent of the speed.
        llama_context_params.abort_callback(params, llama_h.bigllama_abort_if_set$address());
        llama_context_params.abort_callback_data(params, flag);
    }

    /** Sets the signal that ends computations early once it is true; null for none. */
    public synchronized void follow(AtomicBoolean newSignal) {
        signal = newSignal;
        reset();
    }

    /** Stops following a signal, if it is the current one. */
    public synchronized void unfollow(AtomicBoolean oldSignal) {
        if (signal == oldSignal) {
            follow(null);
        }
    }

    /** The signal that ends computations; null for none. */
    public synchronized AtomicBoolean signal() {
        return signal;
    }

    /** Follows the signal again, after {@link #abort()}. */
    public synchronized void reset() {
        set(signal != null && signal.get());
    }

    /** Ends the computation that follows a signal, if that is the current one. */
    public synchronized void abort(AtomicBoolean forSignal) {
        if (forSignal == signal) {
            set(true);
        }
    }

    /** Ends the current computation. */
    public synchronized void abort() {
        set(true);
    }

    private void set(boolean abort) {
        flag.set(ValueLayout.JAVA_BYTE, 0, (byte) (abort ? 1 : 0));
    }
}
