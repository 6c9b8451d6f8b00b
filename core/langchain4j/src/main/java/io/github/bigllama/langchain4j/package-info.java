/**
 * LangChain4j's models over bigllama, in the same process: {@link
 * io.github.bigllama.langchain4j.BigllamaChatModel}, {@link
 * io.github.bigllama.langchain4j.BigllamaStreamingChatModel}, {@link
 * io.github.bigllama.langchain4j.BigllamaEmbeddingModel}, {@link
 * io.github.bigllama.langchain4j.BigllamaScoringModel} and {@link
 * io.github.bigllama.langchain4j.BigllamaTokenCountEstimator}.
 */
@NullMarked
package io.github.bigllama.langchain4j;

import org.jspecify.annotations.NullMarked;
