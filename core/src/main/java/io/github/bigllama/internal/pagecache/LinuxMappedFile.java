package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * The page cache of Linux. Measured with pieces of the size used here: MADV_POPULATE_READ on a
 * mapping advised MADV_HUGEPAGE and MADV_RANDOM reads 2 MiB into one folio and not a byte more, at
 * the speed of the disk and with 0.04 s of CPU time per GB; without MADV_RANDOM it also reads the
 * next piece. A part smaller than 2 MiB is read in pages of 4 KiB, exactly, with MADV_WILLNEED, at
 * 0.4 s per GB. Dropping is MADV_DONTNEED, which unmaps, and POSIX_FADV_DONTNEED, which frees: that
 * is cheaper than MADV_PAGEOUT, and also works on files of other users.
 */
public final class LinuxMappedFile extends MappedFile {
    private static final long PAGE = PosixMemory.pageSize();

    /** The usual readahead size, to which the kernel silently cuts a longer MADV_WILLNEED. */
    private static final long CHUNK = 128 << 10;

    /** Before Linux 5.18 a fault in a huge mapping reads a single page. */
    private static final int[] HUGE_FAULTS_SINCE = {5, 18};

    private final int fd;
    private final long address;

    /** The part of the file that is mapped; llama.cpp unmaps parts without weights. */
    private final long start;

    private final long end;
    private final boolean huge;

    /** From and to of what {@link #expect} was told. */
    private final List<long[]> expected = new CopyOnWriteArrayList<>();

    /** False once the kernel has refused MADV_POPULATE_READ (before Linux 5.14). */
    private volatile boolean populates = true;

    public LinuxMappedFile(Path path, long address, long probe) throws IOException {
        super(path);
        this.address = address;
        this.huge = hugeFolios();
        Extent extent = extent(path, address, address + probe);
        this.start = extent.from - address;
        this.end = extent.to - address;
        this.fd = LinuxCalls.open(path);
        LinuxCalls.madvise(address + start, end - start, LinuxCalls.MADV_RANDOM);
    }

    /** A part of a file that is mapped: the address of byte 0 of the file, and the part's. */
    record Extent(long address, long from, long to) {}

    /** The addresses around one that map this file: pages outside of it are never touched. */
    static Extent extent(Path path, long address, long probe) throws IOException {
        for (Extent extent : extents(path)) {
            if (extent.address == address && extent.from <= probe && probe < extent.to) {
                return extent;
            }
        }
        throw new IOException(
                "the weights are not in a mapping of %s at %#x".formatted(path, probe));
    }

    /** The addresses of byte 0 of a file, one for each time that it is mapped. */
    static List<Long> addresses(Path path) throws IOException {
        return extents(path).stream().map(Extent::address).distinct().toList();
    }

    /** The mapped parts of a file. Between them llama.cpp has unmapped what it does not need. */
    private static List<Extent> extents(Path path) throws IOException {
        long inode = ((Number) Files.getAttribute(path, "unix:ino")).longValue();
        List<Extent> extents = new ArrayList<>();
        // Names may be in any encoding.
        for (String line :
                Files.readAllLines(Path.of("/proc/self/maps"), StandardCharsets.ISO_8859_1)) {
            // start-end permissions offset device inode path
            String[] fields = line.split("\\s+", 6);
            if (Long.parseUnsignedLong(fields[4]) != inode || !fields[1].endsWith("s")) {
                continue;
            }
            String[] range = fields[0].split("-");
            long from = Long.parseUnsignedLong(range[0], 16);
            long to = Long.parseUnsignedLong(range[1], 16);
            long address = from - Long.parseUnsignedLong(fields[2], 16);
            Extent last = extents.isEmpty() ? null : extents.getLast();
            if (last != null && last.address == address && last.to == from) {
                extents.removeLast();
                from = last.from;
            }
            extents.add(new Extent(address, from, to));
        }
        return extents;
    }

    private static boolean hugeFolios() {
        try {
            String enabled =
                    Files.readString(Path.of("/sys/kernel/mm/transparent_hugepage/enabled"));
            return !enabled.contains("[never]") && kernelIsAtLeast(HUGE_FAULTS_SINCE);
        } catch (IOException e) {
            return false;
        }
    }

    private static boolean kernelIsAtLeast(int[] version) {
        String[] numbers = System.getProperty("os.version").split("[^0-9]+");
        int major = Integer.parseInt(numbers[0]);
        int minor = numbers.length > 1 ? Integer.parseInt(numbers[1]) : 0;
        return major > version[0] || major == version[0] && minor >= version[1];
    }

    @Override
    public void expect(long offset, long length) throws IOException {
        long from = Math.max(offset, start);
        long to = Math.min(offset + length, end);
        if (huge && from < to) {
            LinuxCalls.madvise(address + from, to - from, LinuxCalls.MADV_HUGEPAGE);
            expected.add(new long[] {from, to});
        }
    }

    @Override
    void mapThrough(int descriptor) throws IOException {
        int error = PosixMemory.mapFile(address + start, end - start, descriptor, start);
        if (error != 0) {
            throw new IOException(
                    String.format(Locale.ROOT, "cannot map %s again: error %d", path(), error));
        }
        mappedAgain(start, end - start);
    }

    /** Neighbours are one mapping if they were advised the same. */
    @Override
    void mappedAgain(long offset, long length) {
        LinuxCalls.madvise(address + offset, length, LinuxCalls.MADV_RANDOM);
        for (long[] range : expected) {
            long from = Math.max(offset, range[0]);
            long to = Math.min(offset + length, range[1]);
            if (from < to) {
                LinuxCalls.madvise(address + from, to - from, LinuxCalls.MADV_HUGEPAGE);
            }
        }
    }

    @Override
    public void read(long offset, long length) throws IOException {
        long from = Math.max(offset, start);
        long to = Math.min(offset + length, end);
        if (from >= to) {
            return;
        }
        long firstHuge = huge ? Math.min((from + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE, to) : to;
        // The last piece of a file uses huge pages as far as possible.
        long lastHuge = to == end ? to : Math.max(firstHuge, to / HUGE_PAGE * HUGE_PAGE);
        willNeed(from, firstHuge);
        willNeed(lastHuge, to);
        if (!populates) {
            copy(from, to);
            return;
        }
        int error = LinuxCalls.madvise(address + from, to - from, LinuxCalls.MADV_POPULATE_READ);
        if (error == LinuxCalls.EINVAL) {
            populates = false;
            copy(from, to);
        } else if (error == LinuxCalls.EFAULT) {
            throw new IOException(
                    String.format(
                            Locale.ROOT,
                            "cannot read %d bytes at %d of %s, which now has %d bytes: it was cut short, or its disk is failing",
                            to - from,
                            from,
                            path(),
                            size()));
        } else if (error != 0) {
            throw new IOException(
                    String.format(
                            Locale.ROOT,
                            "cannot read %d bytes at %d of %s: error %d",
                            to - from,
                            from,
                            path(),
                            error));
        }
    }

    private void willNeed(long from, long to) {
        for (long at = from; at < to; at += CHUNK) {
            LinuxCalls.madvise(address + at, Math.min(CHUNK, to - at), LinuxCalls.MADV_WILLNEED);
        }
    }

    /** Reads through the file into the page cache, where the mapping finds the pages. */
    private void copy(long from, long to) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(Math.min(to - from, HUGE_PAGE));
            for (long at = from; at < to; ) {
                long wanted = Math.min(buffer.byteSize(), to - at);
                long count = LinuxCalls.pread(fd, buffer, wanted, at);
                if (count <= 0) {
                    if (at < size()) {
                        throw new IOException(
                                String.format(Locale.ROOT, "cannot read %s at %d", path(), at));
                    }
                    return;
                }
                at += count;
            }
        }
    }

    @Override
    public void drop(long offset, long length) {
        long from = Math.max(offset, start);
        long to = Math.min(offset + length, end);
        if (from < to) {
            LinuxCalls.madvise(address + from, to - from, LinuxCalls.MADV_DONTNEED);
            LinuxCalls.fadviseDontNeed(fd, from, to - from);
        }
    }

    /** Since Linux 5.2 mincore reports all pages of other users' files as resident. */
    static boolean tells(boolean writable, int owner, int user) {
        return writable || user == 0 || owner == user;
    }

    @Override
    public boolean[] resident(long offset, long length) throws IOException {
        boolean[] resident = new boolean[Math.toIntExact((length + PAGE - 1) / PAGE)];
        long from = Math.max(offset, start);
        long to = Math.min(offset + length, end);
        if (from >= to) {
            return resident;
        }
        int owner = ((Number) Files.getAttribute(path(), "unix:uid")).intValue();
        if (!tells(Files.isWritable(path()), owner, LinuxCalls.effectiveUser())) {
            throw new IOException(
                    "the system does not say which pages of %s are in memory: it does so only for files that you own or may write"
                            .formatted(path()));
        }
        try (Arena arena = Arena.ofConfined()) {
            int pages = (int) ((to - from + PAGE - 1) / PAGE);
            MemorySegment vector = arena.allocate(pages);
            int error = LinuxCalls.mincore(address + from, to - from, vector);
            if (error != 0) {
                throw new IOException(
                        String.format(
                                Locale.ROOT,
                                "the system does not say which pages of %s are in memory: error %d",
                                path(),
                                error));
            }
            int skipped = (int) ((from - offset) / PAGE);
            for (int i = 0; i < pages; i++) {
                resident[skipped + i] = (vector.get(ValueLayout.JAVA_BYTE, i) & 1) != 0;
            }
        }
        return resident;
    }

    @Override
    public long pageSize() {
        return PAGE;
    }

    @Override
    public long size() {
        return LinuxCalls.size(fd);
    }

    @Override
    public void close() {
        LinuxCalls.close(fd);
    }
}
