package io.github.bigllama.core.gguf;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;

/** The place of a model file: on this machine, or on a web server. */
interface FileLocation {
    /** The path or address, as the user wrote it. */
    @Override
    String toString();

    /** The name without folders. */
    String fileName();

    /** A file with another name in the same folder. */
    FileLocation sibling(String fileName);

    /**
     * Whether the file exists.
     *
     * @throws GgufException if that can't be found out
     */
    boolean exists();

    /**
     * Opens the file.
     *
     * @throws GgufException if the file is missing or can't be read, with the reason
     */
    Bytes open();

    /** An open file. */
    interface Bytes extends Closeable {
        long size();

        /**
         * Reads some bytes, as {@link java.nio.channels.FileChannel#read(ByteBuffer, long)}.
         *
         * @return the number of bytes read; -1 at or after the end
         */
        int read(ByteBuffer into, long position) throws IOException;
    }
}
