package io.github.bigllama.cli.process;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * Asks the system whether each standard stream is a terminal; {@link System#console} only tells for
 * all together.
 */
@SuppressWarnings("restricted")
public final class Terminals {
    public static final int STDIN = 0;
    public static final int STDOUT = 1;
    public static final int STDERR = 2;

    private static final Linker LINKER = Linker.nativeLinker();

    /** The request for the size of a window, on Linux and on macOS. */
    private static final long TIOCGWINSZ =
            System.getProperty("os.name").startsWith("Mac") ? 0x40087468L : 0x5413L;

    /** Rows, columns, and the same in pixels. */
    private static final int WINSIZE_SHORTS = 4;

    private Terminals() {}

    /** The size of a terminal, in characters. */
    public record Size(int columns, int rows) {}

    /** A call of a C function, which throws only because of a bug here. */
    private interface Call {
        int invoke() throws Throwable;
    }

    public static boolean isTerminal(int fileDescriptor) {
        MethodHandle isatty =
                function(
                        "isatty",
                        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
        return invoke(() -> (int) isatty.invokeExact(fileDescriptor)) == 1;
    }

    /** The size of the terminal that a stream goes to; empty if it goes elsewhere. */
    public static Optional<Size> size(int fileDescriptor) {
        MethodHandle ioctl =
                function(
                        "ioctl",
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.ADDRESS),
                        Linker.Option.firstVariadicArg(2));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment size = arena.allocate(ValueLayout.JAVA_SHORT, WINSIZE_SHORTS);
            int result = invoke(() -> (int) ioctl.invokeExact(fileDescriptor, TIOCGWINSZ, size));
            int rows = size.getAtIndex(ValueLayout.JAVA_SHORT, 0);
            int columns = size.getAtIndex(ValueLayout.JAVA_SHORT, 1);
            return result == 0 && rows > 0 && columns > 0
                    ? Optional.of(new Size(columns, rows))
                    : Optional.empty();
        }
    }

    /** Stops the process as Ctrl-Z does, until it is continued. */
    public static void stop() {
        MethodHandle raise =
                function(
                        "kill",
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
        int self = (int) ProcessHandle.current().pid();
        int stop = System.getProperty("os.name").startsWith("Mac") ? 17 : 19;
        invoke(() -> (int) raise.invokeExact(self, stop));
    }

    private static MethodHandle function(
            String name, FunctionDescriptor descriptor, Linker.Option... options) {
        return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), descriptor, options);
    }

    private static int invoke(Call call) {
        try {
            return call.invoke();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("C throws nothing", e);
        }
    }
}
