package io.github.bigllama.internal.pagecache;

import io.github.bigllama.bindings.FileName;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Calls for memory and files that Linux and macOS have in common; if the value of a constant
 * differs, the caller passes it. Looked up on first use.
 */
@SuppressWarnings("restricted")
final class PosixMemory {
    static final int PROT_READ = 1;
    static final int PROT_WRITE = 2;
    static final int MAP_SHARED = 1;
    static final int MAP_PRIVATE = 2;
    static final int MAP_FIXED = 0x10;
    static final int EINTR = 4;
    static final int EEXIST = 17;

    /** Of Linux, since 4.17. */
    private static final int MAP_FIXED_NOREPLACE = 0x100000;

    private static final long MAP_FAILED = -1;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO =
            CALL_STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    static final Linker.Option CAPTURE = Linker.Option.captureCallState("errno");

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

    private static final MethodHandle MMAP =
            function("mmap", FunctionDescriptor.of(LONG, LONG, LONG, INT, INT, INT, LONG), CAPTURE);
    private static final MethodHandle MUNMAP =
            function("munmap", FunctionDescriptor.of(INT, LONG, LONG), CAPTURE);
    private static final MethodHandle MADVISE =
            function("madvise", FunctionDescriptor.of(INT, LONG, LONG, INT), CAPTURE);
    private static final MethodHandle MLOCK =
            function("mlock", FunctionDescriptor.of(INT, LONG, LONG), CAPTURE);
    private static final MethodHandle PREAD =
            function("pread", FunctionDescriptor.of(LONG, INT, LONG, LONG, LONG), CAPTURE);
    // The mode is a variadic argument, which macOS on arm64 passes differently.
    private static final MethodHandle OPEN =
            function(
                    "open",
                    FunctionDescriptor.of(INT, ValueLayout.ADDRESS, INT),
                    CAPTURE,
                    Linker.Option.firstVariadicArg(2));
    private static final MethodHandle CLOSE = function("close", FunctionDescriptor.of(INT, INT));
    private static final MethodHandle SYSCONF =
            function("sysconf", FunctionDescriptor.of(LONG, INT));

    /** The memory in which a call stores errno. */
    private static final ThreadLocal<MemorySegment> STATE =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(CALL_STATE));

    private static final boolean MAC = System.getProperty("os.name").equals("Mac OS X");

    /** Checked against Apple's headers, as in MacOwnPages. */
    static final int MAC_SC_PAGESIZE = 29;

    static final int MAC_MAP_ANON = 0x1000;
    static final int MAC_MAP_NORESERVE = 0x40;

    private static final long PAGE = pageSize(MAC ? MAC_SC_PAGESIZE : 30);

    /** MAP_ANON and MAP_NORESERVE. */
    private static final int ANONYMOUS =
            MAP_PRIVATE | (MAC ? MAC_MAP_ANON | MAC_MAP_NORESERVE : 0x20 | 0x4000);

    private PosixMemory() {}

    static MethodHandle function(
            String name, FunctionDescriptor descriptor, Linker.Option... options) {
        return LINKER.downcallHandle(
                LINKER.defaultLookup().find(name).orElseThrow(), descriptor, options);
    }

    static MemorySegment state() {
        return STATE.get();
    }

    static int errno(MemorySegment state) {
        return (int) ERRNO.get(state, 0L);
    }

    /** The error for an exception of a call, which only a bug here can cause. */
    static AssertionError mistake(Throwable e) {
        return new AssertionError(e);
    }

    private static long pageSize(int name) {
        try {
            return (long) SYSCONF.invokeExact(name);
        } catch (Throwable e) {
            throw mistake(e);
        }
    }

    /** Bytes of a page of this system. */
    static long pageSize() {
        return PAGE;
    }

    /** Maps a part of a file read-only at an address, replacing its mapping; returns 0 or errno. */
    static int mapFile(long address, long length, int fd, long offset) {
        return map(address, length, PROT_READ, MAP_SHARED | MAP_FIXED, fd, offset);
    }

    /** As {@link #mapFile} on Linux, where nothing is mapped; returns EEXIST if anything is. */
    static int mapFileIntoHole(long address, long length, int fd, long offset) {
        return map(address, length, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, offset);
    }

    private static int map(long address, long length, int protection, int flags, int fd, long at) {
        MemorySegment state = state();
        try {
            long result =
                    (long) MMAP.invokeExact(state, address, length, protection, flags, fd, at);
            return result == MAP_FAILED ? errno(state) : 0;
        } catch (Throwable e) {
            throw mistake(e);
        }
    }

    /** Reserves zeroed memory, which takes RAM only when it is touched; returns its address. */
    static long reserve(long length) throws IOException {
        return anonymous(0, length, PROT_READ | PROT_WRITE, 0);
    }

    /** Reserves addresses that can't be touched; returns the first. */
    static long reserveAddresses(long length) throws IOException {
        return anonymous(0, length, 0, 0);
    }

    /** Has zeroed memory at addresses that are reserved. */
    static void take(long address, long length) throws IOException {
        anonymous(address, length, PROT_READ | PROT_WRITE, MAP_FIXED);
    }

    /** Gives memory back; its addresses stay reserved. */
    static void give(long address, long length) throws IOException {
        anonymous(address, length, 0, MAP_FIXED);
    }

    private static long anonymous(long address, long length, int protection, int flags)
            throws IOException {
        MemorySegment state = state();
        try {
            long result =
                    (long)
                            MMAP.invokeExact(
                                    state, address, length, protection, ANONYMOUS | flags, -1, 0L);
            if (result == MAP_FAILED) {
                throw new IOException(
                        String.format(
                                Locale.ROOT,
                                "the system does not provide %d bytes of memory: error %d",
                                length,
                                errno(state)));
            }
            return result;
        } catch (IOException e) {
            throw e;
        } catch (Throwable e) {
            throw mistake(e);
        }
    }

    static int unmap(long address, long length) {
        MemorySegment state = state();
        try {
            return (int) MUNMAP.invokeExact(state, address, length) == 0 ? 0 : errno(state);
        } catch (Throwable e) {
            throw mistake(e);
        }
    }

    /** Returns 0 or errno. */
    static int advise(long address, long length, int advice) {
        MemorySegment state = state();
        try {
            return (int) MADVISE.invokeExact(state, address, length, advice) == 0
                    ? 0
                    : errno(state);
        } catch (Throwable e) {
            throw mistake(e);
        }
    }

    /** Keeps memory from being swapped; returns 0 or errno. */
    static int lock(long address, long length) {
        MemorySegment state = state();
        try {
            return (int) MLOCK.invokeExact(state, address, length) == 0 ? 0 : errno(state);
        } catch (Throwable e) {
            throw mistake(e);
        }
    }

    /**
     * Reads at an offset, again after a signal; returns the number of bytes, 0 at the end, or
     * -errno.
     */
    static long read(int fd, long address, long length, long offset) {
        MemorySegment state = state();
        try {
            while (true) {
                long count = (long) PREAD.invokeExact(state, fd, address, length, offset);
                if (count >= 0) {
                    return count;
                }
                if (errno(state) != EINTR) {
                    return -errno(state);
                }
            }
        } catch (Throwable e) {
            throw mistake(e);
        }
    }

    /** Opens a file; returns its descriptor, or -errno. */
    static int open(Path path, int flags) {
        MemorySegment state = state();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = FileName.of(path, arena);
            int fd = (int) OPEN.invokeExact(state, name, flags);
            return fd < 0 ? -errno(state) : fd;
        } catch (Throwable e) {
            throw mistake(e);
        }
    }

    static void close(int fd) {
        try {
            int ignored = (int) CLOSE.invokeExact(fd);
        } catch (Throwable e) {
            throw mistake(e);
        }
    }
}
