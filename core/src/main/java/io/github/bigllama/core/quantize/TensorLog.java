package io.github.bigllama.core.quantize;

import io.github.bigllama.core.gguf.GgmlType;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Parses the log of llama_model_quantize: {@code [ 1/ 38] blk.0.attn_k.weight - [...], type = f16,}
 * before a tensor, and {@code size = 1.0 MiB -> 0.3 MiB (q4_K)} after it in a dry run.
 */
final class TensorLog implements Consumer<String> {
    private static final Pattern BEFORE =
            Pattern.compile(
                    "\\[ *\\d+/ *\\d+\\] (\\S.*?) +- \\[[ \\d,]+\\], type = .*", Pattern.DOTALL);
    private static final Pattern AFTER = Pattern.compile("size = .*MiB(?: \\((\\S+)\\))?\\s*");
    private static final Pattern FALLBACK = Pattern.compile("-> falling back to .*\\s*");

    private final Consumer<String> watch;
    private final Map<String, Optional<GgmlType>> types = new HashMap<>();
    private @Nullable String current;
    private int fallbacks;

    /** A parser that passes the name of each tensor to {@code watch} before it is converted. */
    TensorLog(Consumer<String> watch) {
        this.watch = watch;
    }

    @Override
    public void accept(String text) {
        Matcher before = BEFORE.matcher(text);
        if (before.matches()) {
            current = before.group(1);
            watch.accept(current);
            return;
        }
        Matcher after = AFTER.matcher(text);
        if (current != null && after.matches()) {
            types.put(current, Optional.ofNullable(after.group(1)).flatMap(TensorLog::type));
            current = null;
        } else if (FALLBACK.matcher(text).matches()) {
            fallbacks++;
        }
    }

    private static Optional<GgmlType> type(String label) {
        for (GgmlType type : GgmlType.values()) {
            if (type.label().equals(label)) {
                return Optional.of(type);
            }
        }
        throw new IllegalStateException("llama.cpp names a type that is unknown here: " + label);
    }

    /** The new types by tensor; empty for a tensor that stays as it is. */
    Map<String, Optional<GgmlType>> types() {
        return types;
    }

    /** Number of tensors whose rows did not fit the intended type. */
    int fallbacks() {
        return fallbacks;
    }
}
