package io.github.bigllama.internal.threads;

import io.github.bigllama.bindings.llama.llama_context_params;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.internal.llama.NativeHandle;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.BooleanSupplier;

/** Ends the computation of a context early. Thread-safe. */
public final class AbortSwitch {
    private static final BooleanSupplier NEVER = () -> false;

    /** The flag that llama.cpp reads: a byte other than 0 ends a computation. */
    private final MemorySegment flag;

    /** Whether nobody wants the current computation any more. */
    private BooleanSupplier isUnwanted = NEVER;

    public AbortSwitch(Arena arena) {
        flag = arena.allocate(ValueLayout.JAVA_BYTE);
    }

    /** Has llama.cpp ask the switch in computations of a context that is created with these. */
    public void install(MemorySegment params) {
        // llama.cpp calls this function before each of the thousand operations of a token while the
        // other threads wait: an upcall would cost a few percent of the speed.
        llama_context_params.abort_callback(params, llama_h.bigllama_abort_if_set$address());
        llama_context_params.abort_callback_data(params, flag);
    }

    /** As the other method, for a context that exists. */
    public void install(NativeHandle context) {
        llama_h.llama_set_abort_callback(
                context.pointer(), llama_h.bigllama_abort_if_set$address(), flag);
    }

    /**
     * Begins a computation.
     *
     * @param newIsUnwanted whether it may end early; asked now, and at each {@link #update}
     */
    public synchronized void begin(BooleanSupplier newIsUnwanted) {
        isUnwanted = newIsUnwanted;
        set(isUnwanted.getAsBoolean());
    }

    /** Ends the current computation if nobody wants it any more. */
    public synchronized void update() {
        if (isUnwanted.getAsBoolean()) {
            set(true);
        }
    }

    /** Ends the current computation. */
    public synchronized void abort() {
        set(true);
    }

    /** Notes the end of the computation. */
    public synchronized void end() {
        isUnwanted = NEVER;
        set(false);
    }

    private void set(boolean abort) {
        flag.set(ValueLayout.JAVA_BYTE, 0, (byte) (abort ? 1 : 0));
    }
}
