/**
 * Reads GGUF files in Java: the metadata and the tensor table of a model.
 *
 * <p>{@link io.github.bigllama.core.gguf.Gguf} is the header of one file, {@link
 * io.github.bigllama.core.gguf.ModelFiles} those of a model in one or several files. Both are
 * immutable. Nothing here needs the native library or reads tensor data. Sizes and offsets are in
 * bytes.
 *
 * <pre>{@code
 * Gguf gguf = Gguf.read(Path.of("model.gguf"));
 * gguf.metadata().string("general.name").ifPresent(System.out::println);
 * for (TensorInfo tensor : gguf.tensors()) {
 *     System.out.println(tensor.name() + " " + tensor.type() + " " + tensor.shape());
 * }
 * }</pre>
 */
@NullMarked
package io.github.bigllama.core.gguf;

import org.jspecify.annotations.NullMarked;
