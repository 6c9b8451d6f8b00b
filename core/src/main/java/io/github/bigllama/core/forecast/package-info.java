/**
 * How a model will run here, from its headers: memory, speed, and what would help.
 *
 * <p>A token needs A bytes of weights: all of them in a dense model; in one with experts, the
 * weights that every token uses and the experts it is routed to. R of these bytes are in RAM. If
 * the bandwidth of the disk is D bytes per second and that of memory BW, a token takes at least
 *
 * <pre>{@code max(A / BW, (A - R) / D)}</pre>
 *
 * seconds, and no program can be faster.
 *
 * <p>{@link io.github.bigllama.core.forecast.Forecaster} reads the header, lets llama.cpp add up
 * the KV cache and its buffers without allocating them, measures this machine once (the CPU with
 * matrices of the model's types, the disk with its file), and makes the same plan as a load. A
 * token then takes at best the longer of computing and reading, and at worst their sum, give or
 * take the 20 % by which the same measurement varies within minutes on a shared machine; the
 * forecast is the longer plus half of the shorter. {@code scripts/check-forecast} compares it with
 * measurements.
 */
@NullMarked
package io.github.bigllama.core.forecast;

import org.jspecify.annotations.NullMarked;
