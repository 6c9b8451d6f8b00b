package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Locale;

/**
 * macOS: {@code fcntl(F_NOCACHE)} turns off caching of reads through a descriptor (fcntl(2) of
 * Darwin); {@code mach_vm_remap} without copying makes the place an alias of the slot's memory
 * (mach_vm.defs of xnu: "copy: FALSE shares"), and {@code mmap(MAP_FIXED)} of the file replaces it
 * atomically. native/darwin/darwin-probe.c checks the numbers against Apple's headers, and a test
 * checks these constants against that file.
 */
@SuppressWarnings("restricted")
final class MacOwnPages extends OwnPages {
    static final int O_CLOEXEC = 0x1000000;
    static final int F_NOCACHE = 48;
    static final int VM_FLAGS_FIXED = 0;
    static final int VM_FLAGS_OVERWRITE = 0x4000;
    static final int VM_INHERIT_NONE = 2;
    static final int KERN_SUCCESS = 0;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

    /** The C functions, looked up where they exist. */
    private static final class Calls {
        private static final MethodHandle FCNTL =
                PosixMemory.function(
                        "fcntl",
                        FunctionDescriptor.of(INT, INT, INT, INT),
                        PosixMemory.CAPTURE,
                        Linker.Option.firstVariadicArg(2));

        // (target_task, *target_address, size, mask, flags, src_task, src_address, copy,
        //  *cur_protection, *max_protection, inheritance)
        private static final MethodHandle REMAP =
                PosixMemory.function(
                        "mach_vm_remap",
                        FunctionDescriptor.of(
                                INT,
                                INT,
                                ValueLayout.ADDRESS,
                                LONG,
                                LONG,
                                INT,
                                INT,
                                LONG,
                                INT,
                                ValueLayout.ADDRESS,
                                ValueLayout.ADDRESS,
                                INT));

        /** The variable that the macro mach_task_self() reads. */
        private static final int SELF =
                Linker.nativeLinker()
                        .defaultLookup()
                        .find("mach_task_self_")
                        .orElseThrow()
                        .reinterpret(Integer.BYTES)
                        .get(INT, 0);
    }

    @Override
    int open(Path path) throws IOException {
        int file = PosixMemory.open(path, O_CLOEXEC);
        if (file < 0) {
            throw new IOException(
                    String.format(Locale.ROOT, "cannot open %s: error %d", path, -file));
        }
        MemorySegment state = PosixMemory.state();
        int result;
        try {
            result = (int) Calls.FCNTL.invokeExact(state, file, F_NOCACHE, 1);
        } catch (Throwable e) {
            throw PosixMemory.mistake(e);
        }
        if (result == -1) {
            int error = PosixMemory.errno(state);
            PosixMemory.close(file);
            throw new IOException(
                    String.format(
                            Locale.ROOT,
                            "%s can't be read past the page cache: error %d",
                            path,
                            error));
        }
        return file;
    }

    @Override
    void moveIn(long slot, long place, long length) throws IOException {
        int result;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = arena.allocateFrom(LONG, place);
            MemorySegment current = arena.allocate(INT);
            MemorySegment largest = arena.allocate(INT);
            result =
                    (int)
                            Calls.REMAP.invokeExact(
                                    Calls.SELF,
                                    target,
                                    length,
                                    0L,
                                    VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE,
                                    Calls.SELF,
                                    slot,
                                    0,
                                    current,
                                    largest,
                                    VM_INHERIT_NONE);
        } catch (Throwable e) {
            throw PosixMemory.mistake(e);
        }
        if (result != KERN_SUCCESS) {
            throw new IOException(
                    String.format(
                            Locale.ROOT,
                            "cannot map %d bytes of %#x at %#x: Mach error %d",
                            length,
                            slot,
                            place,
                            result));
        }
    }

    /** One call, so that the place is never unmapped. */
    @Override
    void giveBack(long place, long slot, long length, int file, long offset) throws IOException {
        int error = PosixMemory.mapFile(place, length, file, offset);
        if (error != 0) {
            throw new IOException(
                    String.format(
                            Locale.ROOT,
                            "cannot map %d bytes of a file at %#x again: error %d",
                            length,
                            place,
                            error));
        }
    }
}
