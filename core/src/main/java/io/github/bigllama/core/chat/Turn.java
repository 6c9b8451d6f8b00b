package io.github.bigllama.core.chat;

import io.github.bigllama.core.option.GenerationOptions;
import java.util.List;

/**
 * A question, and what is computed to answer it.
 *
 * @param question the messages that are new
 * @param prompt the conversation up to and with them, as the template writes it
 * @param tokens the prompt
 * @param forgotten how many of the oldest messages it leaves out
 * @param options how the answer is generated
 * @param hasParts whether the answer may be more than content
 */
record Turn(
        List<ChatMessage> question,
        ChatTemplate.Prompt prompt,
        int[] tokens,
        int forgotten,
        GenerationOptions options,
        boolean hasParts) {}
