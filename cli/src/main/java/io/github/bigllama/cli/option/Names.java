package io.github.bigllama.cli.option;

import io.github.bigllama.core.option.FlashAttention;
import io.github.bigllama.core.option.KvType;
import io.github.bigllama.core.option.Pooling;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Values whose names on llama.cpp's command line differ from the names of their constants. */
public abstract class Names<T> implements ITypeConverter<T>, Iterable<String> {
    private final Map<String, T> values = new LinkedHashMap<>();

    void add(String name, T value) {
        values.put(name, value);
    }

    @Override
    public T convert(String name) {
        T value = values.get(name.toLowerCase(Locale.ROOT));
        if (value == null) {
            throw new TypeConversionException(
                    "'" + name + "' is not one of " + String.join(", ", values.keySet()));
        }
        return value;
    }

    @Override
    public Iterator<String> iterator() {
        return values.keySet().iterator();
    }

    /** The types of the KV cache, in lower case. */
    public static final class KvTypes extends Names<KvType> {
        KvTypes() {
            for (KvType type : KvType.values()) {
                add(type.name().toLowerCase(Locale.ROOT), type);
            }
        }
    }

    /** {@code auto}, {@code on} and {@code off}. */
    static final class FlashModes extends Names<FlashAttention> {
        FlashModes() {
            add("auto", FlashAttention.AUTO);
            add("on", FlashAttention.ENABLED);
            add("off", FlashAttention.DISABLED);
        }
    }

    /** The kinds of speculation. */
    static final class Speculations extends Names<Speculation> {
        Speculations() {
            add("auto", Speculation.AUTO);
            add("off", Speculation.OFF);
            add("ngram", Speculation.NGRAM);
            add("draft", Speculation.DRAFT);
            add("mtp", Speculation.MTP);
        }
    }

    /** How the vectors of tokens become one. */
    public static final class Poolings extends Names<Pooling> {
        Poolings() {
            add("model", Pooling.MODEL);
            add("mean", Pooling.MEAN);
            add("cls", Pooling.CLS);
            add("last", Pooling.LAST);
        }
    }

    /** Numbers of tokens, and {@code auto}. */
    static final class ContextSizes implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            if (text.equalsIgnoreCase("auto")) {
                return SessionOptions.AUTO_CONTEXT;
            }
            try {
                int tokens = Integer.parseInt(text);
                if (tokens >= 0) {
                    return tokens;
                }
            } catch (NumberFormatException e) {
                // As below.
            }
            throw new TypeConversionException(
                    "'" + text + "' is neither a number of tokens nor " + "auto");
        }
    }
}
