/**
 * Which part of a model that is larger than RAM is in RAM, and when.
 *
 * <p>{@link io.github.bigllama.residency.Weights} says where in the files which weights are, {@link
 * io.github.bigllama.residency.RamBudget} how much RAM they may have, {@link
 * io.github.bigllama.residency.ResidencyPlan} what stays, and {@link
 * io.github.bigllama.residency.Pager} carries it out while llama.cpp computes. {@code MappedFile}
 * and its implementations are all that differs between operating systems.
 */
package io.github.bigllama.residency;
