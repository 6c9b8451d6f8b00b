package io.github.bigllama.internal.media;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.bigllama.bindings.FileName;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.MediaException;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.media.Media;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.llama.Shim;
import io.github.bigllama.internal.system.CpuTopology;
import io.github.bigllama.internal.threads.PlatformThread;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.stream.IntStream;

/**
 * A projector (mmproj) of a model: turns images and sounds into embeddings, and knows which tokens
 * stand for them. Thread-safe; computes for one thread at a time.
 */
public final class MediaEncoder implements AutoCloseable {
    /**
     * Maximum number of decoded images that are kept until they are computed; others are decoded
     * again.
     */
    private static final int MOST_DECODED = 8;

    private final NativeHandle handle;
    private final boolean supportsVision;
    private final boolean supportsAudio;
    private final int dimensions;
    private final int length;

    /** The runs of tokens that stand for an image or a sound, by its id. */
    private final Map<String, int[]> runs = new HashMap<>();

    /** All pieces, by number. */
    private final List<MediaPiece> pieces = new ArrayList<>();

    /** What is decoded but perhaps not computed, by id, the one that was not used longest first. */
    private final SequencedMap<String, NativeHandle> decoded = new LinkedHashMap<>(16, 0.75f, true);

    /**
     * Loads a projector.
     *
     * @param file has been checked to be one
     * @param model the model that it was made for
     * @throws ModelLoadException if llama.cpp refuses it, for example because the model's
     *     embeddings have another size
     */
    public MediaEncoder(Path file, MemorySegment model, boolean onGpu) {
        MemorySegment pointer =
                Shim.pointer(
                        message -> new ModelLoadException(file, message, List.of(), null),
                        "llama.cpp cannot load the projector " + file,
                        (arena, error) ->
                                llama_h.bigllama_projector_create(
                                        FileName.of(file.toAbsolutePath(), arena),
                                        model,
                                        CpuTopology.physicalCores(),
                                        onGpu,
                                        error));
        handle = new NativeHandle("projector " + file, pointer, llama_h::bigllama_projector_free);
        JsonNode description =
                Json.read(
                        Shim.text(
                                MediaException::new,
                                "cannot describe the projector " + file,
                                (arena, error) ->
                                        llama_h.bigllama_projector_describe(pointer, error)));
        supportsVision = description.path("vision").asBoolean();
        supportsAudio = description.path("audio").asBoolean();
        dimensions = description.path("dimensions").asInt();
        length = llama_h.llama_model_n_embd_inp(model);
    }

    public boolean supportsVision() {
        return supportsVision;
    }

    public boolean supportsAudio() {
        return supportsAudio;
    }

    /**
     * The tokens that stand for an image or a sound: those of a vocabulary that mark its beginning
     * and its end, and the runs of its pieces.
     *
     * @throws MediaException if it can't be decoded, or the projector can't take it
     */
    public synchronized int[] tokens(Media media) {
        int[] known = runs.get(media.id());
        if (known != null) {
            pieces.replaceAll(piece -> revived(piece, media));
            return known.clone();
        }
        JsonNode chunks =
                Json.read(
                        Shim.text(
                                MediaException::new,
                                "cannot read " + media.name(),
                                (arena, error) ->
                                        llama_h.bigllama_media_describe(
                                                handle.pointer(), decode(media).pointer(), error)));
        IntStream all = IntStream.empty();
        for (int i = 0; i < chunks.size(); i++) {
            all = IntStream.concat(all, IntStream.of(tokens(media, i, chunks.get(i))));
        }
        int[] tokens = all.toArray();
        runs.put(media.id(), tokens);
        return tokens.clone();
    }

    /** The piece of media that may have been forgotten since. */
    private static MediaPiece revived(MediaPiece piece, Media media) {
        Media former = piece.media().get();
        return former == null && piece.id().equals(media.id()) ? piece.of(media) : piece;
    }

    private int[] tokens(Media media, int index, JsonNode chunk) {
        if (chunk.has("tokens")) {
            int[] text = new int[chunk.path("tokens").size()];
            for (int i = 0; i < text.length; i++) {
                text[i] = chunk.path("tokens").get(i).asInt();
            }
            return text;
        }
        MediaPiece piece =
                new MediaPiece(
                        pieces.size(),
                        media.id(),
                        media.name(),
                        new WeakReference<>(media),
                        index,
                        chunk.path("cells").asInt(),
                        chunk.path("positions").asInt(),
                        chunk.path("causal").asBoolean());
        pieces.add(piece);
        return piece.tokens();
    }

    private NativeHandle decode(Media media) {
        NativeHandle former = decoded.get(media.id());
        if (former != null) {
            return former;
        }
        MediaFile file = new MediaFile(media.bytes());
        file.cutShort()
                .ifPresent(
                        format -> {
                            throw new MediaException(
                                    "cannot read %s: it is a %s that is cut short; get the whole file"
                                            .formatted(media.name(), format));
                        });
        MemorySegment pointer;
        try (Arena arena = Arena.ofConfined()) {
            ByteBuffer upright = file.upright();
            MemorySegment bytes = arena.allocate(upright.remaining());
            bytes.copyFrom(MemorySegment.ofBuffer(upright));
            pointer =
                    Shim.pointer(
                            MediaException::new,
                            "cannot read " + media.name(),
                            (scope, error) ->
                                    llama_h.bigllama_media_create(
                                            handle.pointer(), bytes, bytes.byteSize(), error));
        }
        NativeHandle made = new NativeHandle(media.name(), pointer, llama_h::bigllama_media_free);
        decoded.put(media.id(), made);
        if (decoded.size() > MOST_DECODED) {
            decoded.pollFirstEntry().getValue().close();
        }
        return made;
    }

    /**
     * The piece whose run of tokens begins at an index.
     *
     * @throws IllegalArgumentException if there is none
     */
    public synchronized MediaPiece runAt(int[] tokens, int from) {
        int number = MediaPiece.number(tokens[from]);
        if (number < pieces.size()) {
            MediaPiece piece = pieces.get(number);
            int[] run = piece.tokens();
            int to = from + run.length;
            if (to <= tokens.length && Arrays.equals(tokens, from, to, run, 0, run.length)) {
                return piece;
            }
        }
        throw new IllegalArgumentException(
                "token " + tokens[from] + " at index " + from + " begins no image of this model");
    }

    /**
     * Computes the embeddings of a piece.
     *
     * @param first the position of the first of them
     * @throws MediaException if that fails, or its image has been forgotten
     */
    public Embeddings encode(MediaPiece piece, int first) {
        return PlatformThread.call(() -> compute(piece, first));
    }

    private synchronized Embeddings compute(MediaPiece piece, int first) {
        Media media = piece.media().get();
        if (media == null) {
            throw new MediaException(
                    piece.name()
                            + " must be computed again, but is gone: keep the Media as long as a session may need it");
        }
        NativeHandle source = decode(media);
        Embeddings embeddings = new Embeddings(piece, length, dimensions);
        try {
            Shim.number(
                    MediaException::new,
                    "cannot compute " + piece.name(),
                    (arena, error) ->
                            llama_h.bigllama_media_encode(
                                    handle.pointer(),
                                    source.pointer(),
                                    piece.chunk(),
                                    embeddings.rows(),
                                    error));
            Shim.number(
                    MediaException::new,
                    "cannot compute " + piece.name(),
                    (arena, error) ->
                            llama_h.bigllama_media_positions(
                                    handle.pointer(),
                                    source.pointer(),
                                    piece.chunk(),
                                    first,
                                    embeddings.positions(),
                                    error));
        } catch (RuntimeException | Error e) {
            embeddings.close();
            throw e;
        }
        return embeddings;
    }

    /** Frees the projector, before its model. */
    @Override
    public synchronized void close() {
        decoded.values().forEach(NativeHandle::close);
        decoded.clear();
        handle.close();
    }
}
