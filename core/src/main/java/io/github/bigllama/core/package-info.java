/**
 * Runs GGUF models with llama.cpp.
 *
 * <pre>{@code
 * try (LlamaModel model = LlamaModel.load(Path.of("model.gguf"));
 *         LlamaSession session = model.newSession()) {
 *     Chat chat = new Chat(session);
 *     try (TokenStream answer = chat.send("What is the capital of France?")) {
 *         answer.forEachRemaining(System.out::print);
 *     }
 * }
 * }</pre>
 *
 * <p>A {@link io.github.bigllama.core.LlamaModel} holds the weights and is shared; a {@link
 * io.github.bigllama.core.LlamaSession} holds one KV cache and is used by one thread at a time; a
 * {@link io.github.bigllama.core.chat.Chat} writes turns with the model's template; a {@link
 * io.github.bigllama.core.TokenStream} computes each piece of an answer when it is asked for; a
 * {@link io.github.bigllama.core.chat.Reply} is an answer taken apart, and a {@link
 * io.github.bigllama.core.structure.Grammar} describes the form that an answer must have.
 *
 * <p>An {@link io.github.bigllama.core.Embedder} turns texts into vectors, and a {@link
 * io.github.bigllama.core.Reranker} scores documents for a query. An {@link
 * io.github.bigllama.core.Adapter} changes what a model says, and a {@link
 * io.github.bigllama.core.Projector} lets it see or hear. A {@link
 * io.github.bigllama.core.LlamaServer} serves it over HTTP.
 *
 * <h2>Settings of the JVM</h2>
 *
 * <ul>
 *   <li>Native access must be allowed: {@code --enable-native-access=ALL-UNNAMED}, or on the module
 *       path {@code --enable-native-access=io.github.bigllama.core,io.github.bigllama.bindings}.
 *   <li>The system property {@code bigllama.cache} (or the environment variable {@code
 *       BIGLLAMA_CACHE}) is the folder for the native libraries and for measurements of this
 *       machine, instead of the user's cache; {@code bigllama.library.path} (or {@code
 *       BIGLLAMA_LIBRARY_PATH}) is a folder with libraries that you built yourself, instead of
 *       those in the jar.
 *   <li>The loggers ({@link System.Logger}) are {@code io.github.bigllama.native} for the loading
 *       of the libraries, {@code io.github.bigllama.llama.cpp} for llama.cpp's own log, both at
 *       level DEBUG, {@code io.github.bigllama.tool} for tools that fail, {@code
 *       io.github.bigllama.session} for sessions that were never closed, and those that begin with
 *       {@code io.github.bigllama.internal.pager} for decisions about residency.
 * </ul>
 *
 * <p>Several class loaders of one JVM may each have a copy of this library: they share llama.cpp. A
 * class loader that has loaded it is not unloaded before the JVM ends.
 */
@NullMarked
package io.github.bigllama.core;

import org.jspecify.annotations.NullMarked;
