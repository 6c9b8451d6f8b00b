package io.github.bigllama.cli.process;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Asks the system what the standard streams are; {@link System#console} knows only all of them. */
public final class Terminals {
    public static final int STDIN = 0;
    public static final int STDOUT = 1;
    public static final int STDERR = 2;

    /** TIOCGWINSZ. */
    private static final long GET_SIZE =
            System.getProperty("os.name").startsWith("Mac") ? 0x40087468L : 0x5413L;

    private static final int USUAL_COLUMNS = 80;

    private Terminals() {}

    @SuppressWarnings("restricted")
    public static boolean isTerminal(int fileDescriptor) {
        Linker linker = Linker.nativeLinker();
        MethodHandle isatty =
                linker.downcallHandle(
                        linker.defaultLookup().findOrThrow("isatty"),
                        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
        try {
            return (int) isatty.invokeExact(fileDescriptor) == 1;
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("isatty throws nothing", e);
        }
    }

    /** The columns of a terminal; what is usual if it does not say, or there is none. */
    @SuppressWarnings("restricted")
    public static int columns(int fileDescriptor) {
        Linker linker = Linker.nativeLinker();
        MethodHandle ioctl =
                linker.downcallHandle(
                        linker.defaultLookup().findOrThrow("ioctl"),
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.ADDRESS),
                        Linker.Option.firstVariadicArg(2));
        try (Arena arena = Arena.ofConfined()) {
            // struct winsize: rows, columns, and pixels that nobody knows.
            MemorySegment size = arena.allocate(ValueLayout.JAVA_SHORT, 4);
            int columns =
                    (int) ioctl.invokeExact(fileDescriptor, GET_SIZE, size) == 0
                            ? Short.toUnsignedInt(size.getAtIndex(ValueLayout.JAVA_SHORT, 1))
                            : 0;
            return columns == 0 ? USUAL_COLUMNS : columns;
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("ioctl throws nothing", e);
        }
    }
}
