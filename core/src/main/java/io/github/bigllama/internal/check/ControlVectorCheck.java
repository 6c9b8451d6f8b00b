package io.github.bigllama.internal.check;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.internal.text.Text;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Refuses control vectors that don't fit a model. */
public final class ControlVectorCheck {
    /** What common_control_vector_load_one in common.cpp looks for. */
    private static final Pattern DIRECTION = Pattern.compile("direction\\.([1-9]\\d{0,8})");

    private ControlVectorCheck() {}

    /**
     * Checks a control vector.
     *
     * @param overrides of the model's metadata
     * @param layers of the model
     * @param width length of an embedding
     * @return what is added to the output of each layer, by layer: tensors of F32
     * @throws GgufException if it does not fit the model
     */
    public static SortedMap<Integer, TensorInfo> directions(
            ModelFiles vector, ModelFiles model, Map<String, ?> overrides, int layers, int width) {
        ModelCheck.requireByteOrder(vector.first());
        if (vector.parts().size() > 1) {
            throw refuse(vector, "it is split into several files");
        }
        String architecture = Hyperparameters.of(model, overrides).architecture();
        if (vector.metadata().find("controlvector.model_hint").orElse(null)
                        instanceof GgufValue.Text hint
                && !hint.value().equals(architecture)) {
            throw refuse(
                    vector,
                    "it was made for a model of architecture %s; %s is %s"
                            .formatted(
                                    Text.quote(hint.value()),
                                    model.first().fileName(),
                                    Text.quote(architecture)));
        }
        SortedMap<Integer, TensorInfo> directions = new TreeMap<>();
        for (TensorInfo tensor : vector.tensors()) {
            Matcher name = DIRECTION.matcher(tensor.name());
            if (!name.matches()) {
                throw refuse(
                        vector,
                        "tensor %s is no direction.N of a layer"
                                .formatted(Text.quote(tensor.name())));
            }
            if (tensor.type() != GgmlType.F32 || tensor.shape().size() != 1) {
                throw refuse(
                        vector,
                        "%s is %s of type %s, and must be a vector of f32"
                                .formatted(tensor.name(), tensor.shape(), tensor.type().label()));
            }
            int layer = Integer.parseInt(name.group(1));
            if (tensor.ne(0) != width || layer > layers) {
                throw refuse(
                        vector,
                        String.format(
                                Locale.ROOT,
                                "%s has %d elements; %s has %d layers with %d: it was made for another model",
                                tensor.name(),
                                tensor.ne(0),
                                model.first().fileName(),
                                layers,
                                width));
            }
            directions.put(layer, tensor);
        }
        if (directions.isEmpty()) {
            throw refuse(vector, "it has no tensors, so it changes nothing");
        }
        return directions;
    }

    private static GgufException refuse(ModelFiles vector, String message) {
        return new GgufException(
                Problem.UNUSABLE, vector.first().file(), "can't be used: " + message);
    }
}
