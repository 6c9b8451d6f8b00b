package io.github.bigllama.core.option;

import io.github.bigllama.core.LlamaRuntime;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How a model is loaded.
 *
 * @param loadMode how the weights come into memory
 * @param repack whether weights may be rearranged for faster kernels; that copies them into
 *     anonymous memory, so it needs a model that fits into RAM ({@code use_extra_bufts})
 * @param gpuLayers layers kept in the memory of a GPU; {@link #ALL_LAYERS} for all, which is also
 *     right where there is no GPU
 * @param devices names of the devices to use, as {@link LlamaRuntime#devices()} lists them; empty
 *     for all that llama.cpp finds
 * @param metadataOverrides GGUF metadata to replace: a {@link Long} or {@link Integer}, a {@link
 *     Double} or {@link Float}, a {@link Boolean} or a {@link String} for each key; keys and
 *     strings have at most {@value #MAX_OVERRIDE_BYTES} bytes of UTF-8
 * @param checkTensors whether llama.cpp validates every weight while loading; reads the whole file
 * @param ram most bytes of RAM for the whole process; of a model that does not fit, a part stays in
 *     RAM and the rest is read for each pass. Empty for what the system has. Only for {@link
 *     LoadMode#AUTO}; at least {@value #LEAST_RAM}
 * @param progress watches and can cancel the load
 */
public record ModelOptions(
        LoadMode loadMode,
        boolean repack,
        int gpuLayers,
        List<String> devices,
        Map<String, Object> metadataOverrides,
        boolean checkTensors,
        OptionalLong ram,
        Optional<LoadProgress> progress) {
    /** The least that can be asked for, in bytes: less is no amount of RAM but a mistake. */
    public static final long LEAST_RAM = 1 << 20;

    /** Every layer on the GPU, if there is one. */
    public static final int ALL_LAYERS = -1;

    /** The longest key and string of a metadata override, in bytes of UTF-8. */
    public static final int MAX_OVERRIDE_BYTES = 127;

    private static final ModelOptions DEFAULTS =
            new ModelOptions(
                    LoadMode.AUTO,
                    true,
                    ALL_LAYERS,
                    List.of(),
                    Map.of(),
                    false,
                    OptionalLong.empty(),
                    Optional.empty());

    public ModelOptions {
        Objects.requireNonNull(loadMode, "loadMode");
        Objects.requireNonNull(progress, "progress");
        if (gpuLayers < ALL_LAYERS) {
            throw new IllegalArgumentException(
                    "gpuLayers is " + gpuLayers + ", must be -1 (all) or more");
        }
        Objects.requireNonNull(ram, "ram");
        if (ram.isPresent() && ram.getAsLong() < LEAST_RAM) {
            throw new IllegalArgumentException(
                    "ram is " + ram.getAsLong() + " bytes, must be " + LEAST_RAM + " or more");
        }
        if (ram.isPresent() && loadMode != LoadMode.AUTO) {
            throw new IllegalArgumentException(
                    "ram is for load mode auto; with "
                            + loadMode
                            + " what is in RAM is not chosen here");
        }
        devices = List.copyOf(devices);
        metadataOverrides = Map.copyOf(metadataOverrides);
        metadataOverrides.forEach(ModelOptions::checkOverride);
    }

    /** llama.cpp's defaults. */
    public static ModelOptions defaults() {
        return DEFAULTS;
    }

    public ModelOptions withLoadMode(LoadMode value) {
        return new ModelOptions(
                value, repack, gpuLayers, devices, metadataOverrides, checkTensors, ram, progress);
    }

    public ModelOptions withRepack(boolean value) {
        return new ModelOptions(
                loadMode,
                value,
                gpuLayers,
                devices,
                metadataOverrides,
                checkTensors,
                ram,
                progress);
    }

    public ModelOptions withGpuLayers(int value) {
        return new ModelOptions(
                loadMode, repack, value, devices, metadataOverrides, checkTensors, ram, progress);
    }

    public ModelOptions withDevices(List<String> value) {
        return new ModelOptions(
                loadMode, repack, gpuLayers, value, metadataOverrides, checkTensors, ram, progress);
    }

    public ModelOptions withMetadataOverrides(Map<String, Object> value) {
        return new ModelOptions(
                loadMode, repack, gpuLayers, devices, value, checkTensors, ram, progress);
    }

    public ModelOptions withCheckTensors(boolean value) {
        return new ModelOptions(
                loadMode, repack, gpuLayers, devices, metadataOverrides, value, ram, progress);
    }

    public ModelOptions withProgress(LoadProgress value) {
        return new ModelOptions(
                loadMode,
                repack,
                gpuLayers,
                devices,
                metadataOverrides,
                checkTensors,
                ram,
                Optional.of(value));
    }

    /** Sets the most bytes of RAM for the whole process. */
    public ModelOptions withRam(long bytes) {
        return new ModelOptions(
                loadMode,
                repack,
                gpuLayers,
                devices,
                metadataOverrides,
                checkTensors,
                OptionalLong.of(bytes),
                progress);
    }

    private static void checkOverride(String key, Object value) {
        checkLength("key", key);
        switch (value) {
            case Long l -> {}
            case Integer i -> {}
            case Double d -> {}
            case Float f -> {}
            case Boolean b -> {}
            case String s -> checkLength("value of " + key, s);
            default ->
                    throw new IllegalArgumentException(
                            "metadata override "
                                    + key
                                    + " is a "
                                    + value.getClass().getName()
                                    + ", must be an integer, a floating-point number, a boolean or a string");
        }
    }

    private static void checkLength(String what, String text) {
        int bytes = text.getBytes(StandardCharsets.UTF_8).length;
        if (text.isEmpty() || bytes > MAX_OVERRIDE_BYTES || text.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(
                    "metadata override: "
                            + what
                            + " has "
                            + bytes
                            + " bytes, must have 1 to "
                            + MAX_OVERRIDE_BYTES
                            + " and no NUL");
        }
    }
}
