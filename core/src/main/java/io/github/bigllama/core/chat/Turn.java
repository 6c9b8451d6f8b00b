package io.github.bigllama.core.chat;

import io.github.bigllama.core.option.GenerationOptions;
import java.util.List;

/**
 * A question, and the prompt that is computed to answer it.
 *
 * @param question the new messages
 * @param prompt the conversation including the question, as the template writes it
 * @param tokens the tokens of the prompt
 * @param forgotten number of oldest messages that the prompt leaves out
 * @param options how the answer is generated
 * @param hasParts whether the answer may have parts other than content
 */
record Turn(
        List<ChatMessage> question,
        ChatTemplate.Prompt prompt,
        int[] tokens,
        int forgotten,
        GenerationOptions options,
        boolean hasParts) {}
