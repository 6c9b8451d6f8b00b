package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_context_params;
import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicBoolean;

/** Ends the computation of a context early. Thread-safe. */
public final class AbortSwitch {
    /**
     * The abort callback. llama.cpp calls it before each of the thousand operations of a token
     * while the other threads wait, and an upcall there costs some percent of the speed; C's {@code
     * atoi(const char *)} has its shape, and gives what {@link #flag} says.
     */
    @SuppressWarnings("restricted")
    private static final MemorySegment ATOI =
            Linker.nativeLinker().defaultLookup().find("atoi").orElseThrow();

    /** The text "0", or "1" to end a computation. */
    private final MemorySegment flag;

    /** Whose computation the flag is for. */
    private AtomicBoolean signal;

    public AbortSwitch(Arena arena) {
        flag = arena.allocateFrom("0");
    }

    public void install(MemorySegment params) {
        llama_context_params.abort_callback(params, ATOI);
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
        flag.set(ValueLayout.JAVA_BYTE, 0, (byte) (abort ? '1' : '0'));
    }
}
