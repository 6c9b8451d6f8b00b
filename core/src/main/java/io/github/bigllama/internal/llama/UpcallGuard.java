package io.github.bigllama.internal.llama;

/**
 * Keeps exceptions of an upcall's Java side. They must not pass through native code, which would
 * end the JVM. The caller of the native function rethrows them afterwards. For one thread at a
 * time.
 */
public final class UpcallGuard {
    private Throwable thrown;

    /** The body of an upcall. */
    @FunctionalInterface
    public interface Body {
        boolean run() throws Exception;
    }

    /** Begins a call, and forgets earlier exceptions. */
    public void reset() {
        thrown = null;
    }

    /**
     * Runs the body of an upcall.
     *
     * @param otherwise the result for native code if the body throws
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

    /** Whether a body has thrown an exception. */
    public boolean hasThrown() {
        return thrown != null;
    }

    /**
     * Rethrows the kept exception if it is unchecked, and returns it if it is checked; null if
     * there is none.
     *
     * @throws RuntimeException if that was thrown; an {@link Error} likewise
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
