/**
 * What people see of the part of a model that is in RAM: its {@linkplain
 * io.github.bigllama.core.residency.Weights weights} by place in the files, the {@linkplain
 * io.github.bigllama.core.residency.RamBudget budget}, the {@linkplain
 * io.github.bigllama.core.residency.ResidencyPlan plan}, and what was read.
 */
package io.github.bigllama.core.residency;
