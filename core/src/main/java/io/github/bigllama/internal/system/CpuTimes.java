package io.github.bigllama.internal.system;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The CPU time used so far on the CPUs that this process may run on, as counted by Linux.
 *
 * @param nanos the time of the reading, as from {@link System#nanoTime}
 * @param wall time that has passed per CPU, in ticks of the kernel
 * @param busy ticks that all CPUs have spent on processes with at least this process's priority
 * @param own ticks that this process has used
 * @param groups the cgroups of this process that limit CPU time
 */
record CpuTimes(long nanos, double wall, long busy, long own, List<Group> groups) {
    /** Columns of a line of /proc/stat, after its name. */
    private static final int NICE = 1;

    private static final int IDLE = 3;
    private static final int IO_WAIT = 4;

    /** Time that a hypervisor gave to other systems. */
    private static final int STEAL = 7;

    /** Fields of /proc/self/stat, after the name of the program and the state. */
    private static final int USER_TICKS = 11;

    private static final int SYSTEM_TICKS = 12;
    private static final int PRIORITY = 16;

    /**
     * A cgroup.
     *
     * @param cores CPUs that the group may keep busy
     * @param nanos CPU time that the group has used, in nanoseconds
     */
    record Group(double cores, double nanos) {}

    /**
     * Reads the times.
     *
     * @param root the folder that holds proc and sys
     * @param groups folders of cgroups that may limit CPU time
     * @param nanos the time of the reading
     * @return empty if the system does not say
     */
    static Optional<CpuTimes> read(Path root, List<Path> groups, long nanos) {
        String self = SystemFile.text(root.resolve("proc/self/stat"));
        // The name is in parentheses and may contain anything.
        String[] fields = self.substring(self.lastIndexOf(')') + 1).strip().split(" ");
        try {
            boolean isNice = Integer.parseInt(fields[PRIORITY]) > 0;
            long own = Long.parseLong(fields[USER_TICKS]) + Long.parseLong(fields[SYSTEM_TICKS]);
            BitSet allowed = CpuTopology.allowedCpus(root);
            long all = 0;
            long busy = 0;
            int cpus = 0;
            for (String line : SystemFile.text(root.resolve("proc/stat")).lines().toList()) {
                String[] columns = line.split(" +");
                if (columns.length <= IDLE + 1
                        || !columns[0].matches("cpu\\d+")
                        || !allowed.get(Integer.parseInt(columns[0].substring(3)))) {
                    continue;
                }
                cpus++;
                // The time of guests is included in that of users.
                for (int i = 0; i <= Math.min(STEAL, columns.length - 2); i++) {
                    long ticks = Long.parseLong(columns[i + 1]);
                    all += ticks;
                    boolean idle = i == IDLE || i == IO_WAIT || i == STEAL;
                    busy += idle || i == NICE && !isNice ? 0 : ticks;
                }
            }
            List<Group> limits = new ArrayList<>();
            for (Path folder : groups) {
                group(folder).ifPresent(limits::add);
            }
            return cpus == 0
                    ? Optional.empty()
                    : Optional.of(new CpuTimes(nanos, (double) all / cpus, busy, own, limits));
        } catch (NumberFormatException | IndexOutOfBoundsException e) {
            return Optional.empty();
        }
    }

    /** The reading of a cgroup; empty without a quota. */
    private static Optional<Group> group(Path folder) {
        // Of version 2: quota and period in one file.
        String[] limit = SystemFile.text(folder.resolve("cpu.max")).strip().split(" ");
        OptionalDouble nanos = OptionalDouble.empty();
        if (limit.length == 2) {
            nanos =
                    SystemFile.text(folder.resolve("cpu.stat"))
                            .lines()
                            .filter(line -> line.startsWith("usage_usec "))
                            .mapToDouble(line -> 1000 * Double.parseDouble(line.split(" ")[1]))
                            .findFirst();
        } else {
            limit =
                    new String[] {
                        SystemFile.text(folder.resolve("cpu.cfs_quota_us")).strip(),
                        SystemFile.text(folder.resolve("cpu.cfs_period_us")).strip()
                    };
            String usage = SystemFile.text(folder.resolve("cpuacct.usage")).strip();
            if (!usage.isEmpty()) {
                nanos = OptionalDouble.of(Double.parseDouble(usage));
            }
        }
        // "max", -1 or nothing is no limit.
        if (!limit[0].matches("\\d+") || nanos.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(
                new Group(
                        Double.parseDouble(limit[0]) / Double.parseDouble(limit[1]),
                        nanos.getAsDouble()));
    }

    /**
     * The average number of cores usable by this process that other processes have kept busy.
     *
     * @param physical cores that it may run on
     * @param usable number of them that its cgroup lets it keep busy
     * @return 0 if there are enough for both; empty if too little time has passed
     */
    OptionalDouble takenSince(CpuTimes earlier, int physical, int usable) {
        double ticks = wall - earlier.wall;
        double elapsed = nanos - earlier.nanos;
        if (ticks <= 0 || elapsed <= 0) {
            return OptionalDouble.empty();
        }
        double mine = (own - earlier.own) / ticks;
        double taken = (busy - earlier.busy) / ticks - mine - (physical - usable);
        if (groups.size() == earlier.groups.size()) {
            for (int i = 0; i < groups.size(); i++) {
                double all = (groups.get(i).nanos - earlier.groups.get(i).nanos) / elapsed;
                double room = Math.max(usable, Math.ceil(groups.get(i).cores)) - usable;
                taken = Math.max(taken, all - mine - room);
            }
        }
        return OptionalDouble.of(Math.max(0, taken));
    }
}
