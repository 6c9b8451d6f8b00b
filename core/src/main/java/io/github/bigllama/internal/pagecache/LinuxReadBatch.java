package io.github.bigllama.internal.pagecache;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.BitSet;
import java.util.List;

/**
 * Linux's io_submit(2). Linux's io_uring does no better here, needs a queue in shared memory, and
 * is forbidden in many containers. The C library has no functions for these calls.
 */
final class LinuxReadBatch implements ReadBatch {
    /** A disk is busy with so many; a read that is waited for may come after them. */
    private static final int MOST = 8;

    /** linux/aio_abi.h, for little-endian processors. */
    private static final StructLayout CONTROL_BLOCK =
            MemoryLayout.structLayout(
                    ValueLayout.JAVA_LONG.withName("aio_data"),
                    ValueLayout.JAVA_INT.withName("aio_key"),
                    ValueLayout.JAVA_INT.withName("aio_rw_flags"),
                    ValueLayout.JAVA_SHORT.withName("aio_lio_opcode"),
                    ValueLayout.JAVA_SHORT.withName("aio_reqprio"),
                    ValueLayout.JAVA_INT.withName("aio_fildes"),
                    ValueLayout.JAVA_LONG.withName("aio_buf"),
                    ValueLayout.JAVA_LONG.withName("aio_nbytes"),
                    ValueLayout.JAVA_LONG.withName("aio_offset"),
                    ValueLayout.JAVA_LONG.withName("aio_reserved2"),
                    ValueLayout.JAVA_INT.withName("aio_flags"),
                    ValueLayout.JAVA_INT.withName("aio_resfd"));

    private static final StructLayout EVENT =
            MemoryLayout.structLayout(
                    ValueLayout.JAVA_LONG.withName("data"),
                    ValueLayout.JAVA_LONG.withName("obj"),
                    ValueLayout.JAVA_LONG.withName("res"),
                    ValueLayout.JAVA_LONG.withName("res2"));

    private static final long DATA = offset(CONTROL_BLOCK, "aio_data");
    private static final long DESCRIPTOR = offset(CONTROL_BLOCK, "aio_fildes");
    private static final long BUFFER = offset(CONTROL_BLOCK, "aio_buf");
    private static final long LENGTH = offset(CONTROL_BLOCK, "aio_nbytes");
    private static final long OFFSET = offset(CONTROL_BLOCK, "aio_offset");
    private static final long EVENT_DATA = offset(EVENT, "data");
    private static final long EVENT_RESULT = offset(EVENT, "res");

    private static final MethodHandle SYSCALL =
            PosixMemory.function(
                    "syscall",
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG),
                    PosixMemory.CAPTURE,
                    Linker.Option.firstVariadicArg(1));

    /** The numbers of the calls, in asm/unistd.h. */
    private record Numbers(long setup, long destroy, long submit, long events) {
        static Numbers ofThisProcessor() {
            return switch (System.getProperty("os.arch")) {
                case "amd64" -> new Numbers(206, 207, 209, 208);
                case "aarch64" -> new Numbers(0, 1, 2, 4);
                default -> null;
            };
        }
    }

    private static final Numbers NUMBERS = Numbers.ofThisProcessor();

    private final Arena arena = Arena.ofShared();
    private final MemorySegment blocks = arena.allocate(CONTROL_BLOCK, MOST);
    private final MemorySegment events = arena.allocate(EVENT, MOST);

    /** The addresses of the control blocks. */
    private final MemorySegment addresses = arena.allocate(ValueLayout.JAVA_LONG, MOST);

    /** The system's name for the queue of reads; 0 when there is none any more. */
    private long context;

    /** The reads that the system has begun and not done. */
    private final BitSet begun = new BitSet();

    private LinuxReadBatch(long context) {
        this.context = context;
        for (int i = 0; i < MOST; i++) {
            MemorySegment block = block(i);
            block.set(ValueLayout.JAVA_LONG, DATA, i);
            addresses.setAtIndex(ValueLayout.JAVA_LONG, i, block.address());
        }
    }

    private static long offset(StructLayout layout, String field) {
        return layout.byteOffset(PathElement.groupElement(field));
    }

    /** A batch; null if the system can't have one. */
    static ReadBatch open() {
        if (NUMBERS == null) {
            return null;
        }
        try (Arena memory = Arena.ofConfined()) {
            MemorySegment context = memory.allocate(ValueLayout.JAVA_LONG);
            long result = call(NUMBERS.setup, MOST, context.address(), 0, 0, 0);
            // Some containers do not have it; fs.aio-max-nr limits it for all of the system.
            return result < 0 ? null : new LinuxReadBatch(context.get(ValueLayout.JAVA_LONG, 0));
        }
    }

    /** Returns the result or -errno. */
    private static long call(long number, long a, long b, long c, long d, long e) {
        MemorySegment state = PosixMemory.state();
        try {
            long result = (long) SYSCALL.invokeExact(state, number, a, b, c, d, e);
            return result < 0 ? -PosixMemory.errno(state) : result;
        } catch (Throwable mistake) {
            throw PosixMemory.mistake(mistake);
        }
    }

    private MemorySegment block(int index) {
        return blocks.asSlice(index * CONTROL_BLOCK.byteSize(), CONTROL_BLOCK);
    }

    @Override
    public int most() {
        return context == 0 ? 1 : MOST;
    }

    @Override
    public void read(List<DirectRead> reads, Listener listener) {
        for (int i = 0; i < reads.size(); i++) {
            DirectRead read = reads.get(i);
            MemorySegment block = block(i);
            block.set(ValueLayout.JAVA_INT, DESCRIPTOR, read.descriptor());
            block.set(ValueLayout.JAVA_LONG, BUFFER, read.address());
            block.set(ValueLayout.JAVA_LONG, LENGTH, read.length());
            block.set(ValueLayout.JAVA_LONG, OFFSET, read.offset());
        }
        begun.clear();
        long[] refused = new long[reads.size()];
        submit(refused);
        for (int i = 0; i < refused.length; i++) {
            // Those that have begun are on their way meanwhile.
            if (!begun.get(i)) {
                listener.hasRead(i, refused[i]);
            }
        }
        while (!begun.isEmpty()) {
            await(listener);
        }
    }

    /** Begins all reads that the system accepts, and notes the errors of the others. */
    private void submit(long[] refused) {
        for (int from = 0; from < refused.length; ) {
            long at = addresses.address() + from * ValueLayout.JAVA_LONG.byteSize();
            long taken = call(NUMBERS.submit, context, refused.length - from, at, 0, 0);
            if (taken > 0) {
                begun.set(from, from + (int) taken);
                from += (int) taken;
            } else if (taken != -PosixMemory.EINTR) {
                refused[from++] = taken;
            }
        }
    }

    private void await(Listener listener) {
        long done = call(NUMBERS.events, context, 1, begun.cardinality(), events.address(), 0);
        for (int i = 0; i < done; i++) {
            long event = i * EVENT.byteSize();
            int read = (int) events.get(ValueLayout.JAVA_LONG, event + EVENT_DATA);
            begun.clear(read);
            listener.hasRead(read, events.get(ValueLayout.JAVA_LONG, event + EVENT_RESULT));
        }
        if (done < 0 && done != -PosixMemory.EINTR) {
            giveUp(done, listener);
        }
    }

    /** Only without its context is it certain that the system writes nothing any more. */
    private void giveUp(long error, Listener listener) {
        destroy();
        for (int read = begun.nextSetBit(0); read >= 0; read = begun.nextSetBit(0)) {
            begun.clear(read);
            listener.hasRead(read, error);
        }
    }

    private void destroy() {
        if (context != 0) {
            call(NUMBERS.destroy, context, 0, 0, 0, 0);
            context = 0;
        }
    }

    /** Waits for reads that have begun. */
    @Override
    public void close() {
        destroy();
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
