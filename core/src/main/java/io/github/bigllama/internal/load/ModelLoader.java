package io.github.bigllama.internal.load;

import io.github.bigllama.bindings.NativeLibrary;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.core.option.LoadMode;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.core.residency.RamBudget;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.check.Hyperparameters;
import io.github.bigllama.internal.check.ModelCheck;
import io.github.bigllama.internal.check.ProjectorCheck;
import io.github.bigllama.internal.llama.LlamaLibrary;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.pagecache.Preload;
import io.github.bigllama.internal.pager.ExpertProfile;
import io.github.bigllama.internal.pager.FileSizes;
import io.github.bigllama.internal.pager.Pager;
import io.github.bigllama.internal.pieces.PlanRules;
import io.github.bigllama.internal.system.FreeCores;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CancellationException;

/** Loads a {@code llama_model}: checks the file in Java first, then calls llama.cpp. */
public final class ModelLoader {
    private ModelLoader() {}

    /**
     * A loaded model.
     *
     * @param options the options that it was loaded with
     * @param kind the kind of model
     * @param pools whether the file, or an override, says how vectors of tokens become one
     * @param weights the weights and their places in the files
     * @param kvElements upper bound of the elements per position in the keys of all layers, or in
     *     the values
     * @param residentLeast bytes of droppable weights that must be in RAM at the least
     * @param sizes checks the sizes of the files
     * @param budget the RAM for the weights
     * @param isManaged whether bigllama decides which weights are in RAM
     * @param pager keeps the right weights in RAM, if not all of them fit
     */
    public record Loaded(
            NativeHandle handle,
            ModelOptions options,
            ModelKind kind,
            boolean pools,
            Weights weights,
            double kvElements,
            long residentLeast,
            FileSizes sizes,
            RamBudget budget,
            boolean isManaged,
            Optional<Pager> pager) {}

    public static Loaded load(Path path, ModelOptions chosen) {
        // Until the first pass it will have been seen what other processes do.
        FreeCores.ofThisProcess();
        Weights weights;
        ModelFiles files;
        ModelKind kind;
        try {
            files = ModelFiles.read(path);
            kind = ModelKind.of(files, chosen.metadataOverrides());
            requireModel(path, kind);
            if (kind == ModelKind.VOCABULARY) {
                ModelCheck.checkVocabulary(files, chosen.metadataOverrides());
            } else {
                ModelCheck.check(files, chosen.metadataOverrides());
            }
            weights = Weights.of(files);
        } catch (GgufException e) {
            throw new ModelLoadException(path, e.getMessage(), List.of(), e);
        }
        LlamaLibrary.load();
        if (chosen.vocabularyOnly() || kind == ModelKind.VOCABULARY) {
            return vocabulary(path, chosen, kind, weights, files);
        }
        RamBudget budget = RamBudget.of(chosen.ram());
        long weightRam = budget.weightRam(projectorBytes(chosen));
        requireRoom(path, chosen, weights.loadedSize(), weightRam);
        boolean isManaged = chosen.loadMode() == LoadMode.AUTO;
        boolean streams = isManaged && MemoryFit.streams(weights.loadedSize(), weightRam);
        // Where weights pass through memory, those that nobody uses take none.
        boolean hasMtp =
                (streams || chosen.mtp()) && MtpLayers.areUsable(files, chosen.metadataOverrides());
        ModelOptions options = (streams ? streaming(chosen) : chosen).withMtp(hasMtp);
        Optional<Pager> pager;
        try {
            pager = streams ? Optional.of(pager(weights, budget, chosen)) : Optional.empty();
        } catch (InsufficientRamException e) {
            throw new ModelLoadException(path, path + ": " + e.getMessage(), List.of(), e);
        }
        FileSizes sizes = sizes(path, weights);
        try {
            if (!streams && isManaged) {
                // What it is given for may turn out later, when sessions are opened.
                mirrors(weights, chosen);
                preload(weights, path, options);
            }
            return new Loaded(
                    NativeLoad.run(path, options),
                    options,
                    kind,
                    pools(files, chosen),
                    weights,
                    KvCacheBound.elements(files, kind),
                    isManaged ? PlanRules.leastRam(weights) : 0,
                    sizes,
                    budget,
                    isManaged,
                    pager);
        } catch (RuntimeException | Error e) {
            pager.ifPresent(Pager::close);
            sizes.close();
            throw e;
        }
    }

    private static boolean pools(ModelFiles files, ModelOptions options) {
        Hyperparameters values = Hyperparameters.of(files, options.metadataOverrides());
        // 0 is LLAMA_POOLING_TYPE_NONE.
        return values.u32(values.key("pooling_type")).orElse(0) != 0;
    }

    /**
     * What decides which weights are in RAM, with what is known from former processes.
     *
     * @throws InsufficientRamException if there is too little RAM for any plan
     */
    public static Pager pager(Weights weights, RamBudget budget, ModelOptions options) {
        Pager pager = new Pager(weights, budget, mirrors(weights, options));
        if (options.expertProfile() && weights.hasExperts()) {
            try {
                String model = ModelFingerprint.of(weights, options.metadataOverrides());
                Path folder = NativeLibrary.userCache().resolve("experts");
                pager.remember(new ExpertProfile(folder, model));
            } catch (IOException e) {
                // Loading it says what is wrong with the file.
            }
        }
        return pager;
    }

    private static List<Path> mirrors(Weights weights, ModelOptions options) {
        return options.mirror()
                .map(mirror -> ModelMirror.files(weights.files().getFirst(), weights, mirror))
                .orElse(List.of());
    }

    /** The weights of the projector, which is loaded after the model; 0 without one. */
    private static long projectorBytes(ModelOptions options) {
        return options.projector().map(ModelLoader::checkProjector).orElse(0L);
    }

    /**
     * Checks a projector.
     *
     * @return bytes of its weights
     * @throws ModelLoadException if it is not one, or is damaged
     */
    public static long checkProjector(Path path) {
        try {
            ModelFiles files = ModelFiles.read(path);
            ModelKind kind = ModelKind.of(files);
            if (kind != ModelKind.PROJECTOR) {
                throw new ModelLoadException(
                        path,
                        path + " " + kind.sentence() + ", not a projector (mmproj)",
                        List.of(),
                        null);
            }
            ProjectorCheck.check(files);
            return Weights.of(files).size();
        } catch (GgufException e) {
            throw new ModelLoadException(path, e.getMessage(), List.of(), e);
        }
    }

    private static void requireModel(Path path, ModelKind kind) {
        if (!kind.isModel()) {
            throw new ModelLoadException(
                    path,
                    path
                            + " "
                            + kind.sentence()
                            + "; give the file of that model"
                            + (kind == ModelKind.LORA_ADAPTER || kind == ModelKind.CONTROL_VECTOR
                                    ? ", and this one as its adapter"
                                    : ""),
                    List.of(),
                    null);
        }
    }

    private static Loaded vocabulary(
            Path path, ModelOptions chosen, ModelKind kind, Weights weights, ModelFiles files) {
        ModelOptions options =
                streaming(chosen).withLoadMode(LoadMode.NONE).withVocabularyOnly(true);
        FileSizes sizes = sizes(path, weights);
        try {
            return new Loaded(
                    NativeLoad.run(path, options),
                    options,
                    kind,
                    pools(files, chosen),
                    weights,
                    KvCacheBound.elements(files, kind),
                    0,
                    sizes,
                    RamBudget.of(chosen.ram()),
                    false,
                    Optional.empty());
        } catch (RuntimeException | Error e) {
            sizes.close();
            throw e;
        }
    }

    /** Refuses loads that would swap, or get the process killed. */
    private static void requireRoom(Path path, ModelOptions options, long weights, long room) {
        if (weights <= room || options.loadMode() == LoadMode.AUTO) {
            return;
        }
        if (options.loadMode() != LoadMode.MMAP) {
            throw new ModelLoadException(
                    path,
                    String.format(
                            Locale.ROOT,
                            "%s: load mode %s needs all %.2f GB of weights in RAM, but only %.2f GB are available; load mode auto keeps a part there and reads the rest",
                            path,
                            options.loadMode(),
                            weights / 1e9,
                            Math.max(0, room) / 1e9),
                    List.of(),
                    new InsufficientRamException(room, weights));
        }
        if (options.repack()) {
            throw new ModelLoadException(
                    path,
                    String.format(
                            Locale.ROOT,
                            "%s: rearranging weights copies them into memory, of which %.2f GB are available for %.2f GB; load it without repacking, or in load mode auto",
                            path,
                            Math.max(0, room) / 1e9,
                            weights / 1e9),
                    List.of(),
                    new InsufficientRamException(room, weights));
        }
    }

    private static FileSizes sizes(Path path, Weights weights) {
        try {
            return new FileSizes(weights);
        } catch (IOException e) {
            throw new ModelLoadException(path, "cannot open " + e.getMessage(), List.of(), e);
        }
    }

    private static void preload(Weights weights, Path path, ModelOptions options) {
        boolean complete =
                Preload.run(
                        weights.files(),
                        fraction ->
                                options.progress()
                                        .map(progress -> progress.onProgress((float) fraction))
                                        .orElse(true));
        if (!complete) {
            throw new CancellationException("loading " + path + " was cancelled");
        }
    }

    /**
     * Options that neither copy the weights nor read all of them: without repacking, and without a
     * GPU.
     */
    static ModelOptions streaming(ModelOptions options) {
        return new ModelOptions(
                LoadMode.MMAP,
                false,
                0,
                options.devices(),
                options.metadataOverrides(),
                options.checkTensors(),
                OptionalLong.empty(),
                Optional.empty(),
                options.expertProfile(),
                options.progress(),
                options.vocabularyOnly(),
                options.draftModel(),
                options.adapters(),
                options.projector(),
                options.mtp());
    }
}
