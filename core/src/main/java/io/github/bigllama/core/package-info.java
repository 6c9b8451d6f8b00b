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
 * io.github.bigllama.core.TokenStream} computes a token when its piece is asked for; a {@link
 * io.github.bigllama.core.chat.Reply} is an answer taken apart, and a {@link
 * io.github.bigllama.core.structure.Grammar} what an answer must be like.
 *
 * <p>Parameters are never null unless they say so. Native access must be allowed for the module
 * {@code io.github.bigllama.bindings} ({@code --enable-native-access}); on the class path that is
 * {@code ALL-UNNAMED}.
 */
package io.github.bigllama.core;
