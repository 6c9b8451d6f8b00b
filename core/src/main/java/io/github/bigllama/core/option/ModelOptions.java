package io.github.bigllama.core.option;

import io.github.bigllama.core.LlamaRuntime;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

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
 * @param vocabularyOnly whether only the vocabulary is loaded, which takes next to no RAM: the
 *     tokenizer works then, and sessions can't be opened
 * @param draftModel a small model with the same vocabulary, which guesses tokens for this one; all
 *     of it is in RAM
 */
public record ModelOptions(
        LoadMode loadMode,
        boolean repack,
        int gpuLayers,
        List<String> devices,
        Map<String, Object> metadataOverrides,
        boolean checkTensors,
        OptionalLong ram,
        Optional<LoadProgress> progress,
        boolean vocabularyOnly,
        Optional<Path> draftModel) {
    /** The least that can be asked for, in bytes: less is a mistake, not an amount of RAM. */
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
                    Optional.empty(),
                    false,
                    Optional.empty());

    public ModelOptions {
        Objects.requireNonNull(loadMode, "loadMode");
        Objects.requireNonNull(progress, "progress");
        Objects.requireNonNull(draftModel, "draftModel");
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
        devices = List.copyOf(Objects.requireNonNull(devices, "devices"));
        metadataOverrides =
                Map.copyOf(Objects.requireNonNull(metadataOverrides, "metadataOverrides"));
        metadataOverrides.forEach(ModelOptions::checkOverride);
    }

    /** llama.cpp's defaults. */
    public static ModelOptions defaults() {
        return DEFAULTS;
    }

    public ModelOptions withLoadMode(LoadMode value) {
        return with(draft -> draft.loadMode = value);
    }

    public ModelOptions withRepack(boolean value) {
        return with(draft -> draft.repack = value);
    }

    public ModelOptions withGpuLayers(int value) {
        return with(draft -> draft.gpuLayers = value);
    }

    public ModelOptions withDevices(List<String> value) {
        return with(draft -> draft.devices = value);
    }

    public ModelOptions withMetadataOverrides(Map<String, Object> value) {
        return with(draft -> draft.metadataOverrides = value);
    }

    public ModelOptions withCheckTensors(boolean value) {
        return with(draft -> draft.checkTensors = value);
    }

    public ModelOptions withProgress(LoadProgress value) {
        return with(
                draft -> draft.progress = Optional.of(Objects.requireNonNull(value, "progress")));
    }

    public ModelOptions withVocabularyOnly(boolean value) {
        return with(draft -> draft.vocabularyOnly = value);
    }

    public ModelOptions withDraftModel(Path value) {
        return with(
                draft ->
                        draft.draftModel =
                                Optional.of(Objects.requireNonNull(value, "draftModel")));
    }

    /** Sets the most bytes of RAM for the whole process. */
    public ModelOptions withRam(long bytes) {
        return with(draft -> draft.ram = OptionalLong.of(bytes));
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

    private ModelOptions with(Consumer<Draft> change) {
        Draft draft = new Draft(this);
        change.accept(draft);
        return draft.options();
    }

    /** The components while some of them are replaced. */
    private static final class Draft {
        private LoadMode loadMode;
        private boolean repack;
        private int gpuLayers;
        private List<String> devices;
        private Map<String, Object> metadataOverrides;
        private boolean checkTensors;
        private OptionalLong ram;
        private Optional<LoadProgress> progress;
        private boolean vocabularyOnly;
        private Optional<Path> draftModel;

        Draft(ModelOptions options) {
            loadMode = options.loadMode;
            repack = options.repack;
            gpuLayers = options.gpuLayers;
            devices = options.devices;
            metadataOverrides = options.metadataOverrides;
            checkTensors = options.checkTensors;
            ram = options.ram;
            progress = options.progress;
            vocabularyOnly = options.vocabularyOnly;
            draftModel = options.draftModel;
        }

        ModelOptions options() {
            return new ModelOptions(
                    loadMode,
                    repack,
                    gpuLayers,
                    devices,
                    metadataOverrides,
                    checkTensors,
                    ram,
                    progress,
                    vocabularyOnly,
                    draftModel);
        }
    }
}
