package io.github.bigllama.cli.output;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.core.TokenLogprob;
import io.github.bigllama.core.Tokenizer;
import java.util.List;

/** Writes log-probabilities as llama.cpp's server does. */
public final class LogprobsJson {
    /** JSON has no infinity; llama.cpp writes this. */
    private static final double LEAST = -Float.MAX_VALUE;

    private LogprobsJson() {}

    /** Tokens and their alternatives as an array. */
    public static ArrayNode of(List<TokenLogprob> tokens, Tokenizer tokenizer) {
        ArrayNode all = JsonNodeFactory.instance.arrayNode();
        tokens.forEach(token -> all.add(of(token, tokenizer)));
        return all;
    }

    /** A token and its alternatives as an object. */
    public static ObjectNode of(TokenLogprob one, Tokenizer tokenizer) {
        ObjectNode node = node(one.token(), one.text(), one.logprob(), tokenizer);
        ArrayNode top = node.putArray("top_logprobs");
        one.top()
                .forEach(
                        other ->
                                top.add(
                                        node(
                                                other.token(),
                                                other.text(),
                                                other.logprob(),
                                                tokenizer)));
        return node;
    }

    private static ObjectNode node(int token, String text, double logprob, Tokenizer tokenizer) {
        ObjectNode node = JsonNodeFactory.instance.objectNode().put("id", token).put("token", text);
        ArrayNode bytes = node.putArray("bytes");
        for (byte b : tokenizer.bytes(token, true)) {
            bytes.add(Byte.toUnsignedInt(b));
        }
        return node.put("logprob", Math.max(LEAST, logprob));
    }
}
