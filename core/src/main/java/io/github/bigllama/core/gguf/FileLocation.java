package io.github.bigllama.core.gguf;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Where a file of a model is: on this machine, or on a web server. */
interface FileLocation {
    /** The path or address, as the user knows it. */
    @Override
    String toString();

    /** The name without folders. */
    String fileName();

    /** A file of another name in the same folder. */
    FileLocation sibling(String fileName);

    /**
     * Whether there is such a file, as far as can be told.
     *
     * @throws GgufException if that can't be found out
     */
    boolean exists();

    /**
     * Opens it.
     *
     * @throws GgufException if it is not there or can't be read; it says why
     */
    Bytes open();

    /** An open file. */
    interface Bytes extends Closeable {
        long size();

        /**
         * Reads some bytes; as {@link java.nio.channels.FileChannel#read(ByteBuffer, long)}.
         *
         * @return how many; -1 behind the end
         */
        int read(ByteBuffer into, long position) throws IOException;
    }
}
