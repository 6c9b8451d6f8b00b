package io.github.bigllama.bindings;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.nio.charset.Charset;
import java.nio.file.Path;

/** Names of files for C, in the bytes that the file system has. */
public final class FileName {
    private FileName() {}

    /** A name that ends with a NUL. */
    public static MemorySegment of(Path path, SegmentAllocator allocator) {
        return of(path, systemEncoding(), allocator);
    }

    /** What Java made the characters of a name from, which is not UTF-8 in every locale. */
    private static Charset systemEncoding() {
        return Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));
    }

    static MemorySegment of(Path path, Charset encoding, SegmentAllocator allocator) {
        byte[] bytes = path.toString().getBytes(encoding);
        MemorySegment name = allocator.allocate(bytes.length + 1L);
        MemorySegment.copy(bytes, 0, name, ValueLayout.JAVA_BYTE, 0, bytes.length);
        name.set(ValueLayout.JAVA_BYTE, bytes.length, (byte) 0);
        return name;
    }
}
