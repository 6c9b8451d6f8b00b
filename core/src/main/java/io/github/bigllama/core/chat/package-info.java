/**
 * Conversations in turns: {@link io.github.bigllama.core.chat.Chat}, messages, the model's own
 * template, replies taken apart, tools, and what is kept of a conversation.
 */
package io.github.bigllama.core.chat;
