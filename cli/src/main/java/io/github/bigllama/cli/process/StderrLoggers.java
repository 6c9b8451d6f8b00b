package io.github.bigllama.cli.process;

import java.lang.System.Logger;
import java.text.MessageFormat;
import java.util.ResourceBundle;

/**
 * Writes the log, mainly llama.cpp's, to stderr with {@code --verbose}; otherwise only warnings of
 * what decides where weights are, in a line each. The JDK's own loggers take longer to start than
 * the rest of this program.
 */
public final class StderrLoggers extends System.LoggerFinder {
    private static final String OURS = "io.github.bigllama.";
    private static final String INTERNAL = OURS + "internal.";
    private static volatile boolean verbose;

    /** Called by {@link java.util.ServiceLoader}. */
    public StderrLoggers() {}

    public static void setVerbose(boolean value) {
        verbose = value;
    }

    public static boolean isVerbose() {
        return verbose;
    }

    @Override
    public Logger getLogger(String name, Module module) {
        return new StderrLogger(name);
    }

    private record StderrLogger(String name) implements Logger {
        @Override
        public String getName() {
            return name;
        }

        @Override
        public boolean isLoggable(Level level) {
            // Only the JDK logs below DEBUG, and it logs a lot.
            return verbose
                    ? level.getSeverity() >= Level.DEBUG.getSeverity()
                    : (level == Level.WARNING || level == Level.ERROR) && name.startsWith(INTERNAL);
        }

        @Override
        public void log(Level level, ResourceBundle bundle, String message, Throwable thrown) {
            if (isLoggable(level)) {
                System.err.println((verbose ? shortName() : "bigllama") + ": " + message);
                if (verbose && thrown != null) {
                    thrown.printStackTrace();
                }
            }
        }

        @Override
        public void log(Level level, ResourceBundle bundle, String format, Object... values) {
            if (isLoggable(level)) {
                boolean plain = values == null || values.length == 0;
                log(
                        level,
                        bundle,
                        plain ? format : MessageFormat.format(format, values),
                        (Throwable) null);
            }
        }

        private String shortName() {
            return name.startsWith(OURS) ? name.substring(OURS.length()) : name;
        }
    }
}
