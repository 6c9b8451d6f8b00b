package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_context_params;
import io.github.bigllama.bindings.llama.llama_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicBoolean;

/** Ends the computation of a context early. Thread-safe. */
public final class AbortSwitch {
    /** A byte that is not 0 to end a computation. */
    private final MemorySegment flag;

    /** Whose computation the flag is for. */
    private AtomicBoolean signal;

    public AbortSwitch(Arena arena) {
        flag = arena.allocate(ValueLayout.JAVA_BYTE);
    }

    public void install(MemorySegment params) {
        // llama.cpp calls it before each of the thousand operations of a token while the other
        // threads wait: an upcall there would cost some percent of the speed.
        llama_context_params.abort_callback(params, llama_h.bigllama_abort_if_set$address());
        llama_context_params.abort_callback_data(params, flag);
    }

    /** Computations from now on end early once this is true; null for never. */
    public synchronized void follow(AtomicBoolean newSignal) {
        signal = newSignal;
        reset();
    }

    /** Does not follow this one any more, if it did. */
    public synchronized void unfollow(AtomicBoolean oldSignal) {
        if (signal == oldSignal) {
            follow(null);
        }
    }

    /** What computations end for; null for nothing. */
    synchronized AtomicBoolean signal() {
        return signal;
    }

    /** Follows its signal again, after {@link #abort()}. */
    public synchronized void reset() {
        set(signal != null && signal.get());
    }

    /** Ends the computation for this signal, if that is the one under way. */
    public synchronized void abort(AtomicBoolean forSignal) {
        if (forSignal == signal) {
            set(true);
        }
    }

    /** Ends the computation that is under way. */
    public synchronized void abort() {
        set(true);
    }

    private void set(boolean abort) {
        flag.set(ValueLayout.JAVA_BYTE, 0, (byte) (abort ? 1 : 0));
    }
}
