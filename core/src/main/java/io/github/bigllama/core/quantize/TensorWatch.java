package io.github.bigllama.core.quantize;

import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.ModelFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.DoubleConsumer;

/**
 * Runs between two tensors while a model is written: reports the progress, and checks the next
 * tensor. It is called from native code, which no exception may pass through: the first one is
 * kept, and the write is stopped.
 */
final class TensorWatch implements Consumer<String> {
    private final ModelFiles model;
    private final Map<String, QuantizePlan.Tensor> tensors = new HashMap<>();
    private final DoubleConsumer progress;
    private final Runnable stop;
    private final double total;

    private long done;
    private RuntimeException thrown;
    private Error error;

    /**
     * A watch for one write.
     *
     * @param progress is given the fraction of the bytes that is done
     * @param stop ends the write
     */
    TensorWatch(ModelFiles model, QuantizePlan plan, DoubleConsumer progress, Runnable stop) {
        this.model = model;
        this.progress = progress;
        this.stop = stop;
        plan.tensors().forEach(tensor -> tensors.put(tensor.source().name(), tensor));
        total = plan.tensors().stream().mapToLong(tensor -> tensor.source().size()).sum();
    }

    @Override
    public void accept(String name) {
        if (thrown != null || error != null) {
            return;
        }
        try {
            QuantizePlan.Tensor tensor = tensors.get(name);
            progress.accept(done / total);
            done += tensor.source().size();
            look(tensor);
        } catch (RuntimeException e) {
            thrown = e;
            stop.run();
        } catch (Error e) {
            error = e;
            stop.run();
        }
    }

    /**
     * Looks for input that would crash native code: a file that became shorter, or a weight out of
     * bounds.
     */
    private void look(QuantizePlan.Tensor tensor) {
        Gguf file = model.parts().get(tensor.part());
        Path path = file.path().orElseThrow();
        try {
            long size = Files.size(path);
            if (size < file.fileSize()) {
                throw new QuantizeException(
                        path,
                        String.format(
                                Locale.ROOT,
                                "%s became shorter while it was read: it had %d bytes and has %d",
                                path,
                                file.fileSize(),
                                size));
            }
            OptionalLong unusable = WeightScan.unusable(file, tensor);
            if (unusable.isPresent()) {
                throw new QuantizeException(
                        path,
                        String.format(
                                Locale.ROOT,
                                "%s: weight %d of %s is not a number or far too large for %s; the file is damaged",
                                path,
                                unusable.getAsLong(),
                                tensor.source().name(),
                                tensor.type().label()));
            }
        } catch (IOException e) {
            throw new QuantizeException(
                    path, "cannot read " + path + ": " + e.getMessage(), List.of(), e);
        }
    }

    /** Throws the exception that was kept, if any. */
    void rethrow() {
        if (thrown != null) {
            throw thrown;
        }
        if (error != null) {
            throw error;
        }
    }
}
