package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.internal.load.LoadedAdapter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The adapters that tokens are computed with, and their scales. Immutable. */
public final class Adapters {
    /** None. */
    public static final Adapters NONE = new Adapters(Map.of());

    private final Map<LoadedAdapter, Float> scales;

    private Adapters(Map<LoadedAdapter, Float> scales) {
        this.scales = scales;
    }

    /** Adapters with scales; those of scale 0 are left out, as llama.cpp does. */
    public static Adapters of(Map<LoadedAdapter, Float> scales) {
        Map<LoadedAdapter, Float> some = new LinkedHashMap<>(scales);
        some.values().removeIf(scale -> scale == 0);
        return some.isEmpty() ? NONE : new Adapters(some);
    }

    /** Has a context compute with these adapters, instead of other ones. */
    void apply(MemorySegment context, Adapters instead) {
        setLoras(context);
        float[] directions = directions();
        if (!Arrays.equals(directions, instead.directions())) {
            setDirections(context, directions);
        }
    }

    private void setLoras(MemorySegment context) {
        List<LoadedAdapter> loras =
                scales.keySet().stream().filter(adapter -> adapter.lora() != null).toList();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pointers = arena.allocate(ValueLayout.ADDRESS, loras.size() + 1L);
            MemorySegment factors = arena.allocate(ValueLayout.JAVA_FLOAT, loras.size() + 1L);
            for (int i = 0; i < loras.size(); i++) {
                LoadedAdapter lora = loras.get(i);
                pointers.setAtIndex(
                        ValueLayout.ADDRESS, i, Objects.requireNonNull(lora.lora(), "lora"));
                factors.setAtIndex(ValueLayout.JAVA_FLOAT, i, scales.get(lora));
            }
            llama_h.llama_set_adapters_lora(context, pointers, loras.size(), factors);
        }
    }

    /** The sum of the control vectors; null without any. */
    private float @Nullable [] directions() {
        float[] sum = null;
        for (Map.Entry<LoadedAdapter, Float> entry : scales.entrySet()) {
            float[] vector = entry.getKey().directions();
            if (vector != null) {
                sum = sum == null ? new float[vector.length] : sum;
                for (int i = 0; i < vector.length; i++) {
                    sum[i] += entry.getValue() * vector[i];
                }
            }
        }
        return sum;
    }

    private static void setDirections(MemorySegment context, float @Nullable [] directions) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment model = llama_h.llama_get_model(context);
            int layers = llama_h.llama_model_n_layer(model);
            MemorySegment data =
                    directions == null
                            ? MemorySegment.NULL
                            : arena.allocateFrom(ValueLayout.JAVA_FLOAT, directions);
            int result =
                    llama_h.llama_set_adapter_cvec(
                            context,
                            data,
                            directions == null ? 0 : directions.length,
                            llama_h.llama_model_n_embd(model),
                            1,
                            layers);
            if (result != 0) {
                throw new IllegalStateException("llama.cpp has no memory for a control vector");
            }
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Adapters adapters && scales.equals(adapters.scales);
    }

    @Override
    public int hashCode() {
        return scales.hashCode();
    }

    @Override
    public String toString() {
        return scales.toString();
    }
}
