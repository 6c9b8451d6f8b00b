package io.github.bigllama.internal.system;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;
import java.util.function.LongSupplier;

/**
 * Measures how many cores other processes leave to this one, as long as it is asked. If the system
 * does not say how busy others are, as on macOS, all cores count as free. Thread-safe.
 */
public final class FreeCores {
    /**
     * The time to measure over: the kernel counts in hundredths of a second, and short times are
     * random.
     */
    private static final long WINDOW_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /**
     * The load, as a fraction of a core, at which one core more or less counts as taken. A busy
     * process that shares a core with a thread of this process gets half of it.
     */
    private static final double TAKE = 0.4;

    private static final double GIVE = 0.7;

    private static final FreeCores OF_THIS_PROCESS = ofLinux();

    private final int physical;
    private final int usable;
    private final LongSupplier clock;
    private final LongFunction<Optional<CpuTimes>> source;
    private Optional<CpuTimes> before;
    private int taken;

    /**
     * Begins to measure.
     *
     * @param physical cores that this process may run on
     * @param usable number of them that its cgroup lets it keep busy
     * @param clock nanoseconds
     * @param source the CPU times at a time; empty if they are unknown
     */
    FreeCores(
            int physical, int usable, LongSupplier clock, LongFunction<Optional<CpuTimes>> source) {
        this.physical = physical;
        this.usable = usable;
        this.clock = clock;
        this.source = source;
        before = source.apply(clock.getAsLong());
    }

    /** The free cores of this process. The first call begins to measure. */
    public static FreeCores ofThisProcess() {
        return OF_THIS_PROCESS;
    }

    private static FreeCores ofLinux() {
        Path root = Path.of("/");
        int usable = CpuTopology.physicalCores();
        List<Path> groups = Cgroups.of(root, "cpu");
        return new FreeCores(
                Math.max(usable, CpuTopology.allowedCores(root)),
                usable,
                System::nanoTime,
                nanos -> CpuTimes.read(root, groups, nanos));
    }

    /** The number of free cores lately, at least 1. */
    public synchronized int count() {
        long nanos = clock.getAsLong();
        if (before.isPresent() && nanos - before.get().nanos() >= WINDOW_NANOS) {
            Optional<CpuTimes> now = source.apply(nanos);
            if (now.isPresent()) {
                observe(now.get().takenSince(before.get(), physical, usable));
            } else {
                taken = 0;
            }
            before = now;
        }
        return Math.max(1, usable - taken);
    }

    private void observe(OptionalDouble cores) {
        if (cores.isEmpty()) {
            return;
        }
        if (cores.getAsDouble() > taken + TAKE) {
            taken = (int) Math.ceil(cores.getAsDouble() - TAKE);
        } else if (cores.getAsDouble() < taken - GIVE) {
            taken = (int) Math.floor(cores.getAsDouble() + GIVE);
        }
    }
}
