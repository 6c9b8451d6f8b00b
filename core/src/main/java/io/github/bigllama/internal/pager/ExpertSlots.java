package io.github.bigllama.internal.pager;

/**
 * Where the chosen experts of a weight are in the process's own memory: at equal distances, as in a
 * tensor. They stay there until {@link Pass#used}.
 *
 * @param address the address of the first value of the slice in place 0
 * @param stride bytes from one place to the next
 * @param places the number of places
 * @param chosen for each choice of each token, the place of that expert
 */
public record ExpertSlots(long address, long stride, int places, int[] chosen) {
    /** For each choice of each token, the address of the first value of that expert. */
    public long[] addresses() {
        long[] addresses = new long[chosen.length];
        for (int i = 0; i < chosen.length; i++) {
            addresses[i] = address + chosen[i] * stride;
        }
        return addresses;
    }
}
