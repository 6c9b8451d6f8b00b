/**
 * A chat below its messages: its text and the tokens of it, and the stream of an answer.
 *
 * <p>What knows messages, replies and tools is in {@code core.chat}.
 */
package io.github.bigllama.internal.chat;
