package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;

/**
 * The page cache of macOS: reading through the file with several threads is the fastest way to
 * bring in pages, and they are the pages of the mapping. A page can't be freed at once;
 * MADV_DONTNEED makes it one of the first to be freed, and never destroys data.
 */
@SuppressWarnings("restricted")
public final class MacMappedFile extends MappedFile {
    private static final long PAGE = PosixMemory.pageSize();
    private static final int BUFFER = 1 << 20;
    private static final int MADV_DONTNEED = 4;

    private static final ThreadLocal<ByteBuffer> SCRATCH =
            ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(BUFFER));

    /** The C functions, looked up where they exist. */
    private static final class Calls {
        private static final MethodHandle MADVISE = function("madvise", ValueLayout.JAVA_INT);
        private static final MethodHandle MINCORE = function("mincore", ValueLayout.ADDRESS);

        private static MethodHandle function(String name, ValueLayout third) {
            return Linker.nativeLinker()
                    .downcallHandle(
                            Linker.nativeLinker().defaultLookup().find(name).orElseThrow(),
                            FunctionDescriptor.of(
                                    ValueLayout.JAVA_INT,
                                    ValueLayout.JAVA_LONG,
                                    ValueLayout.JAVA_LONG,
                                    third));
        }
    }

    private final FileChannel channel;
    private final long address;

    public MacMappedFile(Path path, long address) throws IOException {
        super(path);
        this.address = address;
        this.channel = FileChannel.open(path, StandardOpenOption.READ);
    }

    @Override
    public void expect(long offset, long length) {
        // Nothing to prepare.
    }

    @Override
    public void read(long offset, long length) throws IOException {
        ByteBuffer buffer = SCRATCH.get();
        long end = Math.min(offset + length, size());
        for (long at = offset; at < end; ) {
            buffer.clear().limit((int) Math.min(BUFFER, end - at));
            int count = channel.read(buffer, at);
            if (count < 0) {
                throw new IOException(
                        String.format(Locale.ROOT, "%s ends at %d: it was cut short", path(), at));
            }
            at += count;
        }
    }

    @Override
    public void drop(long offset, long length) {
        long from = (address + offset + PAGE - 1) / PAGE * PAGE;
        long to = (address + offset + length) / PAGE * PAGE;
        if (from < to) {
            try {
                int ignored = (int) Calls.MADVISE.invokeExact(from, to - from, MADV_DONTNEED);
            } catch (RuntimeException | Error e) {
                throw e;
            } catch (Throwable e) {
                throw new AssertionError(e);
            }
        }
    }

    @Override
    public boolean[] resident(long offset, long length) throws IOException {
        long from = (address + offset) / PAGE * PAGE;
        int pages = (int) ((address + offset + length - from + PAGE - 1) / PAGE);
        boolean[] resident = new boolean[pages];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment vector = arena.allocate(Math.max(1, pages));
            int result = (int) Calls.MINCORE.invokeExact(from, pages * PAGE, vector);
            if (result != 0) {
                throw new IOException(
                        "the system does not say which pages of %s are in memory"
                                .formatted(path()));
            }
            for (int i = 0; i < pages; i++) {
                resident[i] = (vector.get(ValueLayout.JAVA_BYTE, i) & 1) != 0;
            }
        } catch (IOException | RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
        return resident;
    }

    @Override
    public long pageSize() {
        return PAGE;
    }

    @Override
    public long size() throws IOException {
        return channel.size();
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // The file was only read.
        }
    }
}
