/**
 * Conversations in turns: {@link io.github.bigllama.core.chat.Chat}, messages, the model's own
 * template, replies taken apart, tools, and saved conversations.
 */
@NullMarked
package io.github.bigllama.core.chat;

import org.jspecify.annotations.NullMarked;
