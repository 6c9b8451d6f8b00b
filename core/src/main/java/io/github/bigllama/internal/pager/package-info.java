/**
 * Decides which weights are in RAM, and when: the plan, the readers, the cache of experts.
 *
 * <p>Each token scans the same weights in the same order, and a page cache that drops the least
 * recently used pages drops exactly those that are needed next: even with 90 % of a model in RAM it
 * reads 100 % of the model per token. So {@link io.github.bigllama.internal.pager.Pager} decides
 * what stays, and tells the kernel:
 *
 * <ul>
 *   <li>For a repeated scan, no policy has more hits than keeping a fixed set. So an even share of
 *       every layer stays; the rest is read by several threads, ahead of the computation and in its
 *       order, and dropped right behind it. A small window holds the pages in transit. Before the
 *       first layer of a token is computed, the readers are at the second, and between tokens they
 *       are at the first again. What stays is read as soon as there is a context: before the first
 *       token, while a user still types.
 *   <li>In a model with experts, the weights that every token uses stay first. The RAM that is left
 *       holds the experts used most. When a layer has chosen its experts, only the missing ones are
 *       read.
 *   <li>Experts are read past the page cache, into huge pages of the process's own memory, and
 *       computed with there: the nodes of llama.cpp's graph that use them get other operands. The
 *       mapping still shows the file, and is used whenever a chosen expert is nowhere else. If the
 *       system can't read past the page cache, or it is not faster, the page cache is used. Own
 *       memory is locked if the system allows it, and given back when RAM becomes short, even in
 *       the middle of an answer.
 *   <li>Where the page cache can't be told what to drop, or a copy on another disk is read too,
 *       weights that every token uses are in own memory as well. Their pages are moved to their
 *       place in the mapping, because nodes of all kinds use them.
 * </ul>
 *
 * <p>The system property {@code bigllama.weights.memory} chooses how experts are read: {@code
 * auto}, {@code own} or {@code page-cache}. The results of a computation do not change: the weights
 * are where llama.cpp looks for them, and the kernel brings in a page of the file that is missing
 * when it is touched.
 */
package io.github.bigllama.internal.pager;
