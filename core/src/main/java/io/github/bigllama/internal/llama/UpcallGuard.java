package io.github.bigllama.internal.llama;

/**
 * Keeps what the Java side of an upcall throws, which must not pass through native code: it would
 * end the JVM. The caller of the native function asks for it afterwards. Used by one thread at a
 * time.
 */
public final class UpcallGuard {
    private Throwable thrown;

    /** What an upcall does. */
    @FunctionalInterface
    public interface Body {
        boolean run() throws Exception;
    }

    /** A call begins; what was thrown before is forgotten. */
    public void reset() {
        thrown = null;
    }

    /**
     * Runs the body of an upcall.
     *
     * @param otherwise what the native code is told if the body throws
     */
    public boolean run(boolean otherwise, Body body) {
        try {
            return body.run();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            thrown = e;
        } catch (Exception | Error e) {
            thrown = e;
        }
        return otherwise;
    }

    /** Whether a body has thrown something. */
    public boolean hasThrown() {
        return thrown != null;
    }

    /**
     * What a body has thrown, if it is a checked exception; null if nothing was thrown.
     *
     * @throws RuntimeException if that is what was thrown; an {@link Error} likewise
     */
    public Exception rethrow() {
        if (thrown instanceof RuntimeException e) {
            throw e;
        }
        if (thrown instanceof Error e) {
            throw e;
        }
        return (Exception) thrown;
    }
}
