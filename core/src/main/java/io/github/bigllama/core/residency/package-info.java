/**
 * What people see of the part of a model that is in RAM: its {@linkplain
 * io.github.bigllama.core.residency.Weights weights} by place in the files, the {@linkplain
 * io.github.bigllama.core.residency.RamBudget budget}, the {@linkplain
 * io.github.bigllama.core.residency.ResidencyPlan plan}, and what was read.
 *
 * <p>A GGUF file holds the tensors in the bytes that the kernels compute with, so nothing is
 * converted or copied: the file is mapped. Touching an address that is not in RAM makes the kernel
 * read that page from disk; when RAM runs short the kernel drops pages that can be read again.
 * Pages of the file are never written to swap, and two processes with the same model share its
 * pages.
 *
 * <p>One token takes these steps:
 *
 * <ol>
 *   <li>The prompt becomes token ids, and those that the KV cache does not have yet go through the
 *       model in batches: one pass over the weights serves a whole batch.
 *   <li>In each pass layer follows layer. A layer reads its weights: those in RAM at the speed of
 *       memory, the others at the speed of the disk, which is ten to a hundred times slower.
 *       Attention reads the KV cache that earlier tokens left.
 *   <li>The last layer gives a number for each token of the vocabulary, the logits; sampling
 *       chooses one token.
 *   <li>Its bytes join those that wait for the rest of a character, and come out as text.
 *   <li>Only when the next piece is asked for does the chosen token go through the model in turn: a
 *       pass over all the weights for one token.
 * </ol>
 *
 * <p>The last step is why models larger than memory are slow. Which weights stay in RAM is
 * therefore chosen in advance, by a plan, unless all of them fit.
 */
@NullMarked
package io.github.bigllama.core.residency;

import org.jspecify.annotations.NullMarked;
