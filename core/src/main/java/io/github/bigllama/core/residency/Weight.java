package io.github.bigllama.core.residency;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.TensorInfo;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One tensor of weights and the place of its bytes.
 *
 * @param name the tensor's name
 * @param file which file of the model holds it, 0 for the first
 * @param offset where it starts, in bytes from the start of that file
 * @param size its size in bytes
 * @param layer its layer, {@link #BEFORE_LAYERS} or {@link #AFTER_LAYERS}
 * @param type the type of its elements
 * @param use which part of the tensor a token reads
 * @param slices number of experts it holds, one slice of {@code size / slices} bytes each; 1 if it
 *     is not a tensor of experts
 * @param columns number of elements in a row
 */
public record Weight(
        String name,
        int file,
        long offset,
        long size,
        int layer,
        GgmlType type,
        Use use,
        int slices,
        long columns) {
    /** The layer of tensors used before the first layer, such as the token embedding. */
    public static final int BEFORE_LAYERS = -1;

    /** The layer of tensors used after the last layer, such as the output projection. */
    public static final int AFTER_LAYERS = Integer.MAX_VALUE;

    private static final Pattern LAYER =
            Pattern.compile("(?:blk|enc\\.blk|dec\\.blk)\\.(\\d+)\\..*");
    private static final Pattern EXPERTS = Pattern.compile("blk\\.\\d+\\.ffn_\\w+_exps\\.weight");
    private static final Pattern ROWS =
            Pattern.compile("(token_embd|position_embd|token_types|per_layer_token_embd)\\.weight");

    /** Which part of a tensor a token reads. */
    public enum Use {
        /** All of it, for every token. */
        EVERY_TOKEN,
        /** The slices of the experts that the router chooses. */
        EXPERTS,
        /** One row, which is an embedding. */
        ROWS,
        /**
         * Nothing, unless the model drafts for itself: it is in a layer that predicts further
         * tokens (MTP).
         */
        DRAFTS
    }

    /**
     * The weight of a row in a file's tensor table.
     *
     * @param tied whether the token embedding is also the output projection; then a token reads all
     *     of it
     * @param layers number of layers that are computed
     */
    static Weight of(TensorInfo tensor, int file, long dataOffset, boolean tied, int layers) {
        Use use = Use.EVERY_TOKEN;
        int slices = 1;
        int layer = layer(tensor.name(), tied);
        if (layer >= layers && layer != AFTER_LAYERS) {
            use = Use.DRAFTS;
        } else if (EXPERTS.matcher(tensor.name()).matches() && tensor.ne(2) > 1) {
            use = Use.EXPERTS;
            slices = (int) tensor.ne(2);
        } else if (ROWS.matcher(tensor.name()).matches()
                && !(tied && tensor.name().equals("token_embd.weight"))) {
            use = Use.ROWS;
        }
        return new Weight(
                tensor.name(),
                file,
                dataOffset + tensor.offset(),
                tensor.size(),
                layer,
                tensor.type(),
                use,
                slices,
                tensor.ne(0));
    }

    private static int layer(String name, boolean tied) {
        Matcher matcher = LAYER.matcher(name);
        if (matcher.matches()) {
            return Integer.parseInt(matcher.group(1));
        }
        boolean last =
                name.startsWith("output")
                        || name.startsWith("cls.")
                        || tied && name.equals("token_embd.weight");
        return last ? AFTER_LAYERS : BEFORE_LAYERS;
    }

    /** Bytes of one expert's slice; {@link #size()} if there is only one slice. */
    public long sliceSize() {
        return size / slices;
    }

    /** Where the tensor ends, in bytes from the start of the file. */
    public long end() {
        return offset + size;
    }

    /** The name without the layer, for example {@code ffn_gate.weight}. */
    public String role() {
        Matcher matcher = LAYER.matcher(name);
        return matcher.matches()
                ? name.substring(name.indexOf('.', name.indexOf("blk.") + 4) + 1)
                : name;
    }
}
