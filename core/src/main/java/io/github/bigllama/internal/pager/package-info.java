/**
 * Which weights are in RAM, and when: pieces, the plan, the readers, the cache of experts.
 *
 * <p>Each token scans the same weights in the same order, and a page cache that drops what was used
 * longest ago drops exactly what comes next: with 90 % of a model in RAM it reads 100 % of the
 * model for each token. So {@link io.github.bigllama.internal.pager.Pager} decides what stays, and
 * tells the kernel:
 *
 * <ul>
 *   <li>For a scan that repeats, nothing keeps more than a fixed set does. So an even share of
 *       every layer stays; the rest is read by several threads, ahead of the computation and in its
 *       order, and dropped right behind it. A small window holds the pages on their way. Before the
 *       first layer of a token is computed the readers are at the second, and between tokens they
 *       are at the first again.
 *   <li>In a model with experts, the weights that every token uses stay first. The RAM that is left
 *       holds the experts used most. When a layer has chosen its experts, the missing ones are
 *       read, and no others.
 *   <li>Experts are read past the page cache, into huge pages of the program's own, which are then
 *       moved to their place in the mapping: that reads small slices half again as fast, for a
 *       third of the processor's time. A page that is not moved in is still the file's. Where the
 *       system can't do that, or it is not faster, the page cache is used. The memory is locked
 *       where the system allows it, and given back when memory becomes short, in the middle of an
 *       answer too.
 * </ul>
 *
 * <p>The system property {@code bigllama.weights.memory} chooses how experts are read: {@code
 * auto}, {@code own} or {@code page-cache}. What is computed does not change: the weights are where
 * llama.cpp mapped them, and a page that is missing when it is touched is brought in by the kernel.
 */
package io.github.bigllama.internal.pager;
