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
 * @param repack whether weights may be rearranged for faster kernels ({@code use_extra_bufts});
 *     that copies them into anonymous memory, so the model must fit into RAM
 * @param gpuLayers number of layers kept in the memory of a GPU; {@link #ALL_LAYERS} for all, which
 *     is also right where there is no GPU
 * @param devices names of the devices to use, as {@link LlamaRuntime#devices()} lists them; empty
 *     for all that llama.cpp finds
 * @param metadataOverrides GGUF metadata to replace, by key: a {@link Long} or {@link Integer}, a
 *     {@link Double} or {@link Float}, a {@link Boolean} or a {@link String}; keys and strings have
 *     at most {@value #MAX_OVERRIDE_BYTES} bytes of UTF-8
 * @param checkTensors whether llama.cpp validates every weight while loading, which reads the whole
 *     file
 * @param ram most RAM for the whole process, in bytes, at least {@value #MIN_RAM}; of a model that
 *     does not fit, a part stays in RAM and the rest is read in each pass. Empty for the RAM that
 *     the system has. Only for {@link LoadMode#AUTO}
 * @param mirror a copy of the model on another disk (the first part of a split model); weights that
 *     do not fit into RAM are read from both. Only for {@link LoadMode#AUTO}
 * @param expertProfile whether the user's cache records which experts are used most, so that they
 *     are read first at the next start; only for a model with experts that does not fit into RAM
 * @param progress watches and can cancel the load
 * @param vocabularyOnly whether to load only the vocabulary, which takes next to no RAM: then the
 *     tokenizer works, but sessions can't be opened
 * @param draftModel a small model with the same vocabulary, which drafts tokens for this one; all
 *     of it is in RAM
 * @param adapters LoRA adapters and control vectors, which every session of the model begins with,
 *     and every embedder and reranker uses; all of them are in RAM
 * @param projector the file that lets the model see or hear ({@code mmproj}); all of it is in RAM
 * @param mtp whether the layers that predict further tokens are loaded, if the file has them
 *     (multi-token prediction): then the model drafts for itself, see {@link Speculation#MTP}.
 *     Where weights are read from disk they are loaded anyway, because they take no memory until
 *     they are used
 */
public record ModelOptions(
        LoadMode loadMode,
        boolean repack,
        int gpuLayers,
        List<String> devices,
        Map<String, Object> metadataOverrides,
        boolean checkTensors,
        OptionalLong ram,
        Optional<Path> mirror,
        boolean expertProfile,
        Optional<LoadProgress> progress,
        boolean vocabularyOnly,
        Optional<Path> draftModel,
        List<AdapterFile> adapters,
        Optional<Path> projector,
        boolean mtp) {
    /**
     * The smallest {@link #ram()}, in bytes: anything less is a mistake, such as a missing unit.
     */
    public static final long MIN_RAM = 1 << 20;

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
                    true,
                    Optional.empty(),
                    false,
                    Optional.empty(),
                    List.of(),
                    Optional.empty(),
                    false);

    public ModelOptions {
        Objects.requireNonNull(loadMode, "loadMode");
        Objects.requireNonNull(progress, "progress");
        Objects.requireNonNull(draftModel, "draftModel");
        Objects.requireNonNull(projector, "projector");
        if (gpuLayers < ALL_LAYERS) {
            throw new IllegalArgumentException(
                    "gpuLayers is " + gpuLayers + ", must be -1 (all) or more");
        }
        Objects.requireNonNull(ram, "ram");
        if (ram.isPresent() && ram.getAsLong() < MIN_RAM) {
            throw new IllegalArgumentException(
                    "ram is " + ram.getAsLong() + " bytes, must be " + MIN_RAM + " (1MiB) or more");
        }
        if (ram.isPresent() && loadMode != LoadMode.AUTO) {
            throw new IllegalArgumentException(
                    "ram only applies to load mode auto; with "
                            + loadMode
                            + " bigllama does not choose which weights stay in RAM");
        }
        Objects.requireNonNull(mirror, "mirror");
        if (mirror.isPresent() && loadMode != LoadMode.AUTO) {
            throw new IllegalArgumentException(
                    "a mirror only applies to load mode auto; with "
                            + loadMode
                            + " bigllama does not choose what is read from disk");
        }
        devices = List.copyOf(Objects.requireNonNull(devices, "devices"));
        adapters = List.copyOf(Objects.requireNonNull(adapters, "adapters"));
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

    public ModelOptions withAdapters(List<AdapterFile> value) {
        return with(draft -> draft.adapters = value);
    }

    /** Sets the file that lets the model see or hear. */
    public ModelOptions withProjector(Path value) {
        return with(
                draft -> draft.projector = Optional.of(Objects.requireNonNull(value, "projector")));
    }

    /** Sets whether the layers that predict further tokens are loaded. */
    public ModelOptions withMtp(boolean value) {
        return with(draft -> draft.mtp = value);
    }

    /** Sets the most bytes of RAM for the whole process. */
    public ModelOptions withRam(long bytes) {
        return with(draft -> draft.ram = OptionalLong.of(bytes));
    }

    /** Sets a copy of the model on another disk, to read from both. */
    public ModelOptions withMirror(Path value) {
        return with(draft -> draft.mirror = Optional.of(Objects.requireNonNull(value, "mirror")));
    }

    public ModelOptions withExpertProfile(boolean value) {
        return with(draft -> draft.expertProfile = value);
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
        private Optional<Path> mirror;
        private boolean expertProfile;
        private Optional<LoadProgress> progress;
        private boolean vocabularyOnly;
        private Optional<Path> draftModel;
        private List<AdapterFile> adapters;
        private Optional<Path> projector;
        private boolean mtp;

        Draft(ModelOptions options) {
            loadMode = options.loadMode;
            repack = options.repack;
            gpuLayers = options.gpuLayers;
            devices = options.devices;
            metadataOverrides = options.metadataOverrides;
            checkTensors = options.checkTensors;
            ram = options.ram;
            mirror = options.mirror;
            expertProfile = options.expertProfile;
            progress = options.progress;
            vocabularyOnly = options.vocabularyOnly;
            draftModel = options.draftModel;
            adapters = options.adapters;
            projector = options.projector;
            mtp = options.mtp;
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
                    mirror,
                    expertProfile,
                    progress,
                    vocabularyOnly,
                    draftModel,
                    adapters,
                    projector,
                    mtp);
        }
    }
}
