package io.github.bigllama.cli.process;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Asks the system what the standard streams are; {@link System#console} knows only all of them. */
public final class Terminals {
    public static final int STDIN = 0;
    public static final int STDOUT = 1;
    public static final int STDERR = 2;

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
}
