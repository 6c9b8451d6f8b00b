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

/** Calls of Linux's C library for files and their pages; the constants are those of Linux. */
@SuppressWarnings("restricted")
final class LinuxCalls {
    static final int MADV_RANDOM = 1;
    static final int MADV_WILLNEED = 3;
    static final int MADV_DONTNEED = 4;
    static final int MADV_HUGEPAGE = 14;
    static final int MADV_POPULATE_READ = 22;
    static final int EFAULT = 14;
    static final int EINVAL = 22;

    private static final int POSIX_FADV_DONTNEED = 4;
    static final int O_RDONLY_CLOEXEC = 02000000;
    private static final int SEEK_END = 2;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO =
            CALL_STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final Linker.Option CAPTURE = Linker.Option.captureCallState("errno");

    private static final MethodHandle MADVISE =
            function(
                    "madvise",
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_INT),
                    CAPTURE);
    private static final MethodHandle FADVISE =
            function(
                    "posix_fadvise",
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_INT));
    private static final MethodHandle MINCORE =
            function(
                    "mincore",
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.ADDRESS),
                    CAPTURE);
    private static final MethodHandle OPEN =
            function(
                    "open",
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT),
                    CAPTURE);
    private static final MethodHandle CLOSE =
            function("close", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
    private static final MethodHandle GETEUID =
            function("geteuid", FunctionDescriptor.of(ValueLayout.JAVA_INT));
    private static final MethodHandle PREAD =
            function(
                    "pread",
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_INT,
                            ValueLayout.ADDRESS,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG));
    private static final MethodHandle LSEEK =
            function(
                    "lseek",
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_INT));

    /**
     * The memory in which a call stores errno: one per thread, because the calls are many and
     * short.
     */
    private static final ThreadLocal<MemorySegment> STATE =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(CALL_STATE));

    private LinuxCalls() {}

    /**
     * A call of a C function, which returns its value or error, and throws only because of a bug
     * here.
     */
    private interface Call<T> {
        T invoke() throws Throwable;
    }

    private static MethodHandle function(
            String name, FunctionDescriptor descriptor, Linker.Option... options) {
        return LINKER.downcallHandle(
                LINKER.defaultLookup().find(name).orElseThrow(), descriptor, options);
    }

    private static <T> T invoke(Call<T> call) {
        try {
            return call.invoke();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static int error(MemorySegment state, int result) {
        return result == 0 ? 0 : (int) ERRNO.get(state, 0L);
    }

    /** Returns 0 or errno. */
    static int madvise(long address, long length, int advice) {
        MemorySegment state = STATE.get();
        return invoke(
                () -> error(state, (int) MADVISE.invokeExact(state, address, length, advice)));
    }

    /** Frees clean pages that nobody has mapped. */
    static void fadviseDontNeed(int fd, long offset, long length) {
        invoke(() -> (int) FADVISE.invokeExact(fd, offset, length, POSIX_FADV_DONTNEED));
    }

    /** Fills one byte per page, with bit 0 set if it is resident; returns 0 or errno. */
    static int mincore(long address, long length, MemorySegment vector) {
        MemorySegment state = STATE.get();
        return invoke(
                () -> error(state, (int) MINCORE.invokeExact(state, address, length, vector)));
    }

    /** The user with whose permissions this process runs. */
    static int effectiveUser() {
        return invoke(() -> (int) GETEUID.invokeExact());
    }

    /** Opens a file for reading. */
    static int open(Path path) throws IOException {
        MemorySegment state = STATE.get();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = FileName.of(path, arena);
            int fd = invoke(() -> (int) OPEN.invokeExact(state, name, O_RDONLY_CLOEXEC));
            if (fd < 0) {
                throw new IOException(
                        String.format(
                                Locale.ROOT,
                                "cannot open %s: error %d",
                                path,
                                (int) ERRNO.get(state, 0L)));
            }
            return fd;
        }
    }

    static void close(int fd) {
        invoke(() -> (int) CLOSE.invokeExact(fd));
    }

    /** Bytes read, 0 at the end, -1 for an error. */
    static long pread(int fd, MemorySegment buffer, long length, long offset) {
        return invoke(() -> (long) PREAD.invokeExact(fd, buffer, length, offset));
    }

    /** The size of an open file. */
    static long size(int fd) {
        return invoke(() -> (long) LSEEK.invokeExact(fd, 0L, SEEK_END));
    }
}
