package io.github.bigllama.internal.pagecache;

import java.io.FileInputStream;
import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Linux: O_DIRECT, and mremap(2) in both directions. MREMAP_DONTUNMAP (since Linux 5.7) keeps the
 * addresses reserved that pages are moved from; otherwise any thread's mmap could take them before
 * the pages are moved back.
 */
@SuppressWarnings("restricted")
final class LinuxOwnPages extends OwnPages {
    // fcntl.h of glibc: the value of O_DIRECT depends on the architecture.
    private static final int O_DIRECT =
            System.getProperty("os.arch").equals("aarch64") ? 0200000 : 040000;

    private static final int MREMAP_MAYMOVE = 1;
    private static final int MREMAP_FIXED = 2;
    private static final int MREMAP_DONTUNMAP = 4;
    private static final int MADV_NOHUGEPAGE = 15;
    private static final int MADV_POPULATE_WRITE = 23;

    private static final Path OVERCOMMIT = Path.of("/proc/sys/vm/overcommit_memory");

    /** The number of mappings that the kernel allows by default. */
    private static final int USUAL_MAPPINGS = 65530;

    private static final MethodHandle MREMAP =
            PosixMemory.function(
                    "mremap",
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_LONG),
                    PosixMemory.CAPTURE,
                    Linker.Option.firstVariadicArg(4));

    /**
     * Where memory is accounted strictly, what is reserved counts twice once it is moved in, and
     * moves are refused when it is too late.
     */
    static boolean isStrict(Path overcommit) {
        try (FileInputStream in = new FileInputStream(overcommit.toFile())) {
            return new String(in.readNBytes(64), StandardCharsets.US_ASCII).strip().equals("2");
        } catch (IOException e) {
            return false;
        }
    }

    @Override
    int open(Path path) throws IOException {
        if (isStrict(OVERCOMMIT)) {
            throw new IOException("the system grants no memory in advance (vm.overcommit_memory)");
        }
        int file = PosixMemory.open(path, LinuxCalls.O_RDONLY_CLOEXEC | O_DIRECT);
        if (file < 0) {
            throw new IOException(
                    String.format(
                            Locale.ROOT,
                            "%s can't be opened for reading past the page cache: error %d",
                            path,
                            -file));
        }
        return file;
    }

    @Override
    public ReadBatch openBatch() {
        return LinuxReadBatch.open();
    }

    @Override
    void moveIn(long slot, long place, long length) throws IOException {
        move(slot, place, length);
    }

    /**
     * A move that is refused late (RLIMIT_DATA, for one) has already unmapped the place, and
     * another thread's mapping may have come there since: that must not be overwritten.
     */
    @Override
    void restore(long place, long length, MappedFile file, int descriptor, long offset)
            throws IOException {
        int error = PosixMemory.mapFileIntoHole(place, length, descriptor, offset);
        if (error != 0 && !(error == PosixMemory.EEXIST && shows(file, place, length, offset))) {
            throw new IOException(
                    String.format(
                            Locale.ROOT,
                            "cannot map %d bytes of %s at %#x again: error %d",
                            length,
                            file.path(),
                            place,
                            error));
        }
    }

    /** Whether a place shows a file, all of it. */
    private static boolean shows(MappedFile file, long place, long length, long offset)
            throws IOException {
        return LinuxMappedFile.extent(file.path(), place - offset, place).to() >= place + length;
    }

    /** Between the two calls the place is empty but reserved: no other mapping can get there. */
    @Override
    void giveBack(long place, long slot, long length, int file, long offset) throws IOException {
        move(place, slot, length);
        int error = PosixMemory.mapFile(place, length, file, offset);
        if (error != 0) {
            // Zeros must not remain in the place of weights.
            try {
                move(slot, place, length);
            } catch (IOException e) {
                throw new OwnFile.LostException(e.getMessage());
            }
            throw new IOException(
                    String.format(
                            Locale.ROOT,
                            "cannot map %d bytes of a file at %#x again: error %d",
                            length,
                            place,
                            error));
        }
    }

    private static void move(long from, long to, long length) throws IOException {
        MemorySegment state = PosixMemory.state();
        long result;
        try {
            result =
                    (long)
                            MREMAP.invokeExact(
                                    state,
                                    from,
                                    length,
                                    length,
                                    MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
                                    to);
        } catch (Throwable e) {
            throw PosixMemory.mistake(e);
        }
        if (result != to) {
            throw new IOException(
                    String.format(
                            Locale.ROOT,
                            "cannot move %d bytes from %#x to %#x: error %d",
                            length,
                            from,
                            to,
                            PosixMemory.errno(state)));
        }
    }

    /**
     * Asks for huge pages once and then turns them off: khugepaged would fill the addresses that
     * pages have been moved from with new pages.
     */
    @Override
    boolean prepare(long address, long length) {
        boolean huge =
                PosixMemory.advise(address, length, LinuxCalls.MADV_HUGEPAGE) == 0 && hugePages();
        PosixMemory.advise(address, length, MADV_POPULATE_WRITE);
        PosixMemory.advise(address, length, MADV_NOHUGEPAGE);
        return huge;
    }

    /** Whether memory gets huge pages on request. */
    static boolean hugePages() {
        try {
            return !Files.readString(Path.of("/sys/kernel/mm/transparent_hugepage/enabled"))
                    .contains("[never]");
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * A slot that is moved in is a mapping, and so is the rest of the file beside it. A fifth of
     * the free mappings is left for other code.
     */
    @Override
    public int mostMoved() {
        int most;
        // In one read, because files under /proc/sys allow no second one.
        try (FileInputStream in = new FileInputStream("/proc/sys/vm/max_map_count")) {
            most =
                    Integer.parseInt(
                            new String(in.readNBytes(64), StandardCharsets.US_ASCII).strip());
        } catch (IOException | NumberFormatException e) {
            most = USUAL_MAPPINGS;
        }
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return Math.max(0, (most - (int) lines.count()) / 5 * 4 / 2 - 100);
        } catch (IOException e) {
            return most / 4;
        }
    }
}
