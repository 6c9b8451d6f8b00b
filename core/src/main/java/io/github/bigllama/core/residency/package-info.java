/**
 * Which part of a model is in RAM, for users: the {@linkplain
 * io.github.bigllama.core.residency.Weights weights} and their places in the files, the {@linkplain
 * io.github.bigllama.core.residency.RamBudget budget}, the {@linkplain
 * io.github.bigllama.core.residency.ResidencyPlan plan}, and statistics of reads.
 *
 * <p>A GGUF file stores tensors in exactly the form that the kernels compute with, so nothing is
 * converted or copied: the file is mapped. Touching an address that is not in RAM makes the kernel
 * read that page from disk; when RAM runs short the kernel drops pages that can be read again.
 * Pages of the file are never written to swap, and two processes with the same model share its
 * pages.
 *
 * <p>One token takes these steps:
 *
 * <ol>
 *   <li>The prompt becomes token ids, and those not in the KV cache yet go through the model in
 *       batches: one pass over the weights serves a whole batch.
 *   <li>In each pass, layer follows layer. A layer reads its weights: those in RAM at the speed of
 *       memory, the others at the speed of the disk, which is ten to a hundred times slower.
 *       Attention reads the KV cache that earlier tokens left.
 *   <li>The last layer gives one number per token of the vocabulary, the logits; sampling chooses
 *       one token.
 *   <li>The token's bytes, after any that wait for the rest of a character, become text.
 *   <li>When the next piece is asked for, the chosen token goes through the model: a pass over all
 *       weights for one token.
 * </ol>
 *
 * <p>The last step is why models larger than memory are slow. Which weights stay in RAM is
 * therefore chosen in advance, by a plan, unless all of them fit.
 */
@NullMarked
package io.github.bigllama.core.residency;

import org.jspecify.annotations.NullMarked;
