package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.nio.file.Path;

/** Another system to try things out with. */
class DelegatingPages extends OwnPages {
    private final OwnPages system;

    DelegatingPages(OwnPages system) {
        this.system = system;
    }

    @Override
    int open(Path path) throws IOException {
        return system.open(path);
    }

    @Override
    void moveIn(long slot, long place, long length) throws IOException {
        system.moveIn(slot, place, length);
    }

    @Override
    void restore(long place, long length, MappedFile file, int descriptor, long offset)
            throws IOException {
        system.restore(place, length, file, descriptor, offset);
    }

    @Override
    void giveBack(long place, long slot, long length, int file, long offset) throws IOException {
        system.giveBack(place, slot, length, file, offset);
    }

    @Override
    boolean prepare(long address, long length) {
        return system.prepare(address, length);
    }
}
