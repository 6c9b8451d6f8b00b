package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.LockSupport;

/** This system, where something goes wrong from some moment on. */
@SuppressWarnings("restricted")
public final class FaultyPages extends DelegatingPages {
    private static final int ENOMEM = 12;

    private volatile boolean readsNothing;
    private volatile boolean losesPlaces;
    private volatile boolean dawdles;

    public FaultyPages() throws IOException {
        super(OwnPages.ofThisSystem());
    }

    /** Nothing is read past the page cache any more. */
    public void readNothing() {
        readsNothing = true;
    }

    /** Nothing is given back any more, and what is in its place is unknown. */
    public void losePlaces() {
        losesPlaces = true;
    }

    /** What is in a place while it is given back is seen by whoever looks, for a while. */
    public void dawdle() {
        dawdles = true;
    }

    @Override
    long read(int file, long address, long length, long offset) {
        return readsNothing ? -ENOMEM : super.read(file, address, length, offset);
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
