package io.github.bigllama.internal.load;

import io.github.bigllama.bindings.FileName;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.core.option.AdapterFile;
import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.check.AdapterCheck;
import io.github.bigllama.internal.check.ControlVectorCheck;
import io.github.bigllama.internal.llama.LlamaLog;
import io.github.bigllama.internal.llama.NativeHandle;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;

/** Loads adapters of one model: checks the file in Java first, then calls llama.cpp. */
public final class AdapterLoader {
    private final Path path;
    private final ModelLoader.Loaded loaded;

    /** Loads for a model with this file. */
    public AdapterLoader(Path path, ModelLoader.Loaded loaded) {
        this.path = path;
        this.loaded = loaded;
    }

    /**
     * Loads an adapter.
     *
     * @param pairs how many matrices the other adapters of the model change
     * @param ownBytes bytes of memory that hold weights and can be given back
     * @throws ModelLoadException if the file is missing or damaged, does not fit the model, or
     *     there is too little RAM for it
     */
    public LoadedAdapter load(AdapterFile file, int pairs, long ownBytes) {
        try {
            ModelFiles files = ModelFiles.read(file.file());
            if (requireKind(file, files) == ModelKind.CONTROL_VECTOR) {
                return controlVector(file, files);
            }
            if (AdapterCheck.isActivated(files)) {
                throw failure(
                        file,
                        "is an activated LoRA (aLoRA), which applies after certain tokens only; of bigllama's commands, serve can use it (--lora)");
            }
            int added =
                    AdapterCheck.lora(files, model(), loaded.options().metadataOverrides(), pairs);
            Weights weights = Weights.of(files);
            requireRoom(file, weights.size(), ownBytes);
            return new LoadedAdapter(
                    lora(file), weights.size(), added, ModelFingerprint.of(weights, Map.of()));
        } catch (GgufException e) {
            throw new ModelLoadException(file.file(), e.getMessage(), List.of(), e);
        } catch (IOException e) {
            throw new ModelLoadException(
                    file.file(), "cannot read " + file.file() + ": " + e, List.of(), e);
        }
    }

    /**
     * Checks an adapter that llama.cpp's server will load itself.
     *
     * @return {@link ModelKind#LORA_ADAPTER} or {@link ModelKind#CONTROL_VECTOR}
     * @throws ModelLoadException if the file is missing or damaged, or does not fit the model
     */
    public ModelKind check(AdapterFile file) {
        try {
            ModelFiles files = ModelFiles.read(file.file());
            ModelKind kind = requireKind(file, files);
            if (kind == ModelKind.CONTROL_VECTOR) {
                directions(file, files);
            } else {
                AdapterCheck.lora(files, model(), loaded.options().metadataOverrides(), 0);
            }
            return kind;
        } catch (GgufException e) {
            throw new ModelLoadException(file.file(), e.getMessage(), List.of(), e);
        }
    }

    private ModelKind requireKind(AdapterFile file, ModelFiles files) {
        ModelKind kind = ModelKind.of(files);
        if (kind != ModelKind.LORA_ADAPTER && kind != ModelKind.CONTROL_VECTOR) {
            throw failure(file, kind.sentence() + "; give a LoRA adapter or a control vector");
        }
        if (kind == ModelKind.LORA_ADAPTER && !file.hasAllLayers()) {
            throw failure(
                    file,
                    kind.sentence() + "; only a control vector can be limited to some layers");
        }
        return kind;
    }

    /** Requires a layer that a control vector can steer: llama.cpp leaves out the first. */
    private void requireSteerable(AdapterFile file) {
        if (layers() == 1) {
            throw failure(
                    file,
                    "is a control vector, which steers layers from the second on, and "
                            + path
                            + " has one layer");
        }
        if (file.firstLayer() >= layers()) {
            throw failure(
                    file,
                    "is limited to layers from "
                            + file.firstLayer()
                            + " on, but those that it can steer are 1 to "
                            + (layers() - 1));
        }
    }

    /** The headers of the model; they need not stay in memory for adapters that may come. */
    private ModelFiles model() {
        ModelFiles files = ModelFiles.read(path);
        if (!Weights.of(files).equals(loaded.weights())) {
            throw new ModelLoadException(
                    path,
                    path + " has changed since it was loaded; load it again",
                    List.of(),
                    null);
        }
        return files;
    }

    private void requireRoom(AdapterFile file, long bytes, long ownBytes) {
        long room = loaded.budget().weightRam(-ownBytes) - loaded.residentLeast();
        if (bytes > room) {
            throw new ModelLoadException(
                    file.file(),
                    String.format(
                            Locale.ROOT,
                            "%s takes %.3f GB, but only %.3f GB of RAM are left beside the least for the weights of %s: %s",
                            file.file(),
                            bytes / 1e9,
                            Math.max(0, room) / 1e9,
                            path,
                            loaded.budget().explanation(bytes - room)),
                    List.of(),
                    new InsufficientRamException(room, bytes));
        }
    }

    private NativeHandle lora(AdapterFile file) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = FileName.of(file.file().toAbsolutePath(), arena);
            LlamaLog.Result<MemorySegment> result =
                    LoadedAdapter.exclusively(
                            () ->
                                    LlamaLog.collect(
                                            () ->
                                                    llama_h.llama_adapter_lora_init(
                                                            loaded.handle().pointer(), name)));
            if (result.value().equals(MemorySegment.NULL)) {
                throw new ModelLoadException(
                        file.file(), "llama.cpp cannot load " + file.file(), result.log(), null);
            }
            return new NativeHandle(
                    "adapter " + file.file(), result.value(), llama_h::llama_adapter_lora_free);
        }
    }

    private SortedMap<Integer, TensorInfo> directions(AdapterFile file, ModelFiles files) {
        SortedMap<Integer, TensorInfo> directions =
                ControlVectorCheck.directions(
                        files, model(), loaded.options().metadataOverrides(), layers(), width());
        requireSteerable(file);
        return directions;
    }

    private int layers() {
        return llama_h.llama_model_n_layer(loaded.handle().pointer());
    }

    private int width() {
        return llama_h.llama_model_n_embd(loaded.handle().pointer());
    }

    private LoadedAdapter controlVector(AdapterFile file, ModelFiles files) throws IOException {
        SortedMap<Integer, TensorInfo> directions = directions(file, files);
        int width = width();
        float[] all = new float[Math.max(0, layers() - 1) * width];
        try (FileChannel channel = FileChannel.open(file.file())) {
            for (Map.Entry<Integer, TensorInfo> entry : directions.entrySet()) {
                int layer = entry.getKey();
                // Nothing is computed after the last layer, the only one without a place.
                if (layer < layers() && layer >= file.firstLayer() && layer <= file.lastLayer()) {
                    read(
                            channel,
                            files.first().dataOffset() + entry.getValue().offset(),
                            all,
                            (layer - 1) * width,
                            width);
                }
            }
        }
        String range = file.firstLayer() + "-" + file.lastLayer();
        return new LoadedAdapter(
                all, ModelFingerprint.of(Weights.of(files), Map.of("layers", range)));
    }

    private static void read(FileChannel channel, long from, float[] into, int at, int count)
            throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(count * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, from + bytes.position()) < 0) {
                throw new IOException("it ends at byte " + (from + bytes.position()));
            }
        }
        bytes.flip().asFloatBuffer().get(into, at, count);
    }

    private static ModelLoadException failure(AdapterFile file, String what) {
        return new ModelLoadException(file.file(), file.file() + " " + what, List.of(), null);
    }
}
