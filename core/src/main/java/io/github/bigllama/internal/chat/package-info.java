/**
 * The text and the tokens of a chat, and the stream of an answer.
 *
 * <p>Messages, replies and tools are in {@code core.chat}.
 */
package io.github.bigllama.internal.chat;
