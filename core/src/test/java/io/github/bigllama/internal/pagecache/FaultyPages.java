package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/** This system, where something goes wrong from some moment on. */
@SuppressWarnings("restricted")
public final class FaultyPages extends DelegatingPages {
    private static final int ENOMEM = 12;

    private volatile boolean readsNothing;
    private volatile boolean losesPlaces;
    private volatile boolean dawdles;
    private volatile boolean spoils;
    private volatile boolean failsInBatches;
    private final AtomicInteger batched = new AtomicInteger();

    /** What becomes of files, by descriptor. */
    private final Map<Integer, Disk> disks = new ConcurrentHashMap<>();

    private final Map<Path, Disk> byPath = new ConcurrentHashMap<>();

    /** A disk that does one thing after the other. */
    public static final class Disk {
        private final double bytesPerSecond;
        private long bytes;
        private boolean fails;
        private int failures;

        private Disk(double bytesPerSecond) {
            this.bytesPerSecond = bytesPerSecond;
        }

        private synchronized boolean read(long length) {
            if (fails) {
                failures++;
                return false;
            }
            bytes += length;
            LockSupport.parkNanos((long) (length / bytesPerSecond * 1e9));
            return true;
        }

        /** What has been read of it. */
        public synchronized long bytes() {
            return bytes;
        }

        /** How often something was to be read of it that could not. */
        public synchronized int failures() {
            return failures;
        }

        /** Nothing can be read of it any more. */
        public synchronized void fail() {
            fails = true;
        }
    }

    /** Has a file be on a disk of its own from when it is opened, of some bytes per second. */
    public Disk disk(Path path, double bytesPerSecond) {
        return byPath.computeIfAbsent(path, p -> new Disk(bytesPerSecond));
    }

    public FaultyPages() throws IOException {
        super(OwnPages.ofThisSystem());
    }

    /** Whether nothing is read past the page cache. */
    public void readNothing(boolean now) {
        readsNothing = now;
    }

    /** Whether nothing is given back, and what is in its place is unknown. */
    public void losePlaces(boolean now) {
        losesPlaces = now;
    }

    /** What is in a place while it is given back is seen by whoever looks, for a while. */
    public void dawdle() {
        dawdles = true;
    }

    /** What is read from now on is not what is in the file. */
    public void spoil() {
        spoils = true;
    }

    /** Has reads be done together from now on, most of them badly. */
    public void failInBatches() {
        failsInBatches = true;
    }

    /** The number of reads that were to be done together. */
    public int batched() {
        return batched.get();
    }

    @Override
    public ReadBatch openBatch() {
        return failsInBatches ? new FaultyBatch() : null;
    }

    private final class FaultyBatch implements ReadBatch {
        @Override
        public int most() {
            return 5;
        }

        @Override
        public void read(List<DirectRead> reads, Listener listener) {
            // The last is done first.
            for (int i = reads.size() - 1; i >= 0; i--) {
                DirectRead read = reads.get(i);
                long length = read.length() * (batched.incrementAndGet() % 3) / 2;
                long count =
                        length == 0
                                ? -ENOMEM
                                : FaultyPages.this.read(
                                        read.descriptor(), read.address(), length, read.offset());
                listener.hasRead(i, count);
            }
        }

        @Override
        public void close() {}
    }

    @Override
    int open(Path path) throws IOException {
        int descriptor = super.open(path);
        if (byPath.containsKey(path)) {
            disks.put(descriptor, byPath.get(path));
        } else {
            disks.remove(descriptor);
        }
        return descriptor;
    }

    @Override
    long read(int file, long address, long length, long offset) {
        Disk disk = disks.get(file);
        if (disk != null && !disk.read(length)) {
            return -5;
        }
        if (readsNothing) {
            return -ENOMEM;
        }
        long count = super.read(file, address, length, offset);
        if (spoils && count > 0) {
            MemorySegment.ofAddress(address).reinterpret(count).fill((byte) 0x11);
        }
        return count;
    }

    @Override
    void giveBack(long place, long slot, long length, int file, long offset) throws IOException {
        if (losesPlaces) {
            throw new OwnFile.LostException("no mapping");
        }
        if (dawdles) {
            // As the zeros that are there in between, but for longer.
            MemorySegment.ofAddress(place).reinterpret(length).fill((byte) 0x55);
            LockSupport.parkNanos(500_000);
        }
        super.giveBack(place, slot, length, file, offset);
    }
}
