/* Images and sounds for a model, by llama.cpp's library mtmd. */
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bigllama.h"
#include "calls.h"
#include "ggml.h"
#include "hash/hash.h"
#include "json.h"
#include "llama.h"
#include "mtmd-helper.h"
#include "mtmd.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
/* mtmd-helper.cpp has a copy, too, and this one is not static. */
#define ma_atomic_global_lock bigllama_audio_lock
#define MINIAUDIO_IMPLEMENTATION
#define MA_API static
#define MA_NO_DEVICE_IO
#define MA_NO_ENCODING
#define MA_NO_ENGINE
#define MA_NO_GENERATION
#define MA_NO_NODE_GRAPH
#define MA_NO_RESOURCE_MANAGER
#include "miniaudio/miniaudio.h"
#include "stb/stb_image.h"
#pragma GCC diagnostic pop

struct bigllama_projector {
    mtmd::context_ptr context;
    size_t embedding;
    int dimensions;
};

struct bigllama_media {
    mtmd::input_chunks chunks;
};

namespace {

/* An image of so many pixels takes 4 bytes each while it is decoded, or 8 if it has 16 bits per colour. */
constexpr int64_t MOST_PIXELS = 50'000'000;

/* The largest piece of memory for decoding an image: more is needed only to unpack what is not in its header. */
constexpr size_t MOST_IMAGE_MEMORY = 512 << 20;

constexpr int64_t MOST_SECONDS = 3600;

/* Samples that are decoded at a time. */
constexpr size_t BLOCK = 1 << 16;

/* The first error that mtmd logged on this thread: others are consequences. */
thread_local std::string logged;

void log(ggml_log_level level, const char * text, void *) {
    if (level == GGML_LOG_LEVEL_ERROR && logged.empty()) {
        logged = text;
    }
    ggml_log_callback callback = nullptr;
    void * data = nullptr;
    llama_log_get(&callback, &data);
    if (callback != nullptr) {
        callback(level, text, data);
    }
}

/* Runs calls of mtmd, which log why they fail. */
template <typename F> auto listening(F function) -> decltype(function()) {
    // The server sets another one.
    mtmd_helper_log_set(log, nullptr);
    logged.clear();
    return function();
}

/* The reason that was logged, without the names of the functions that logged it. */
std::string reason(const char * otherwise) {
    std::string text = logged.empty() ? otherwise : logged;
    for (size_t colon = text.find(": "); colon < text.find(' '); colon = text.find(": ")) {
        text.erase(0, colon + 2);
    }
    std::replace(text.begin(), text.end(), '\n', ' ');
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

bool begins(const uint8_t * bytes, int64_t length, const char * magic, size_t at = 0) {
    const size_t size = std::strlen(magic);
    return static_cast<size_t>(length) >= at + size && std::memcmp(bytes + at, magic, size) == 0;
}

bool is_sound(const uint8_t * bytes, int64_t length) {
    return (begins(bytes, length, "RIFF") && begins(bytes, length, "WAVE", 8)) || begins(bytes, length, "fLaC") ||
        begins(bytes, length, "ID3") || (length > 2 && bytes[0] == 0xff && (bytes[1] & 0xe0) == 0xe0);
}

void require_size(int64_t width, int64_t height) {
    if (width * height > MOST_PIXELS) {
        throw std::runtime_error(
            "it has " + std::to_string(width) + " x " + std::to_string(height) + " pixels, more than " +
            std::to_string(MOST_PIXELS) + "; make it smaller");
    }
}

/* The number at an index of a PNG. */
int64_t big_endian(const uint8_t * bytes) {
    return static_cast<int64_t>(bytes[0]) << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

mtmd::bitmap image(const uint8_t * bytes, int64_t length) {
    int width = 0;
    int height = 0;
    int channels = 0;
    const int size = static_cast<int>(length);
    if (begins(bytes, length, "RIFF") && begins(bytes, length, "WEBP", 8)) {
        throw std::runtime_error("it is in WebP, which can't be read here; convert it to PNG or JPEG");
    }
    if (begins(bytes, length, "\x89PNG") && length >= 24) {
        // For which stb_image has a limit of its own.
        require_size(big_endian(bytes + 16) & 0x7fffffff, big_endian(bytes + 20) & 0x7fffffff);
    }
    if (stbi_info_from_memory(bytes, size, &width, &height, &channels) == 0 || width <= 0 || height <= 0) {
        throw std::runtime_error(
            "it is neither an image (PNG, JPEG, GIF, BMP) nor a sound (WAV, MP3, FLAC), or its header is damaged");
    }
    require_size(width, height);
    const std::unique_ptr<uint8_t, decltype(&free)> pixels(
        stbi_load_from_memory(bytes, size, &width, &height, &channels, 3), free);
    if (!pixels) {
        const char * why = stbi_failure_reason();
        const std::string detail = why == nullptr || *why == '\0' ? "" : " (" + std::string(why) + ")";
        throw std::runtime_error("it is damaged or incomplete" + detail);
    }
    return { static_cast<uint32_t>(width), static_cast<uint32_t>(height), pixels.get() };
}

mtmd::bitmap sound(const uint8_t * bytes, int64_t length, int rate) {
    // Headers may claim any length, so that what is there is counted.
    const ma_decoder_config config = ma_decoder_config_init(ma_format_f32, 1, static_cast<ma_uint32>(rate));
    ma_decoder decoder;
    if (ma_decoder_init_memory(bytes, static_cast<size_t>(length), &config, &decoder) != MA_SUCCESS) {
        throw std::runtime_error("it begins like a sound (WAV, MP3, FLAC), but is damaged");
    }
    const std::unique_ptr<ma_decoder, decltype(&ma_decoder_uninit)> scope(&decoder, ma_decoder_uninit);
    std::vector<float> samples;
    ma_uint64 read = BLOCK;
    while (read == BLOCK) {
        const size_t before = samples.size();
        samples.resize(before + BLOCK);
        read = 0;
        ma_decoder_read_pcm_frames(&decoder, samples.data() + before, BLOCK, &read);
        samples.resize(before + static_cast<size_t>(read));
        if (static_cast<int64_t>(samples.size()) > MOST_SECONDS * rate) {
            throw std::runtime_error(
                "it is longer than " + std::to_string(MOST_SECONDS / 60) + " minutes; give a part of it");
        }
    }
    if (samples.size() < 2) {
        throw std::runtime_error("it has no sound, or is damaged");
    }
    if (!std::all_of(samples.begin(), samples.end(), [](float sample) { return std::isfinite(sample); })) {
        throw std::runtime_error("it has samples that are not numbers");
    }
    return mtmd_bitmap_init_from_audio(samples.size(), samples.data());
}

mtmd::bitmap decode(const mtmd_context * context, const uint8_t * bytes, int64_t length) {
    if (is_sound(bytes, length)) {
        if (!mtmd_support_audio(context)) {
            throw std::runtime_error("it is a sound, and the projector (--mmproj) is only for images");
        }
        return sound(bytes, length, mtmd_get_audio_sample_rate(context));
    }
    mtmd::bitmap decoded = image(bytes, length);
    if (!mtmd_support_vision(context)) {
        throw std::runtime_error("it is an image, and the projector (--mmproj) is only for sounds");
    }
    return decoded;
}

/* A chunk that is not text. */
const mtmd_input_chunk * chunk_at(const bigllama_media & media, int chunk) {
    if (chunk < 0 || static_cast<size_t>(chunk) >= media.chunks.size() ||
        mtmd_input_chunk_get_type(media.chunks[chunk]) == MTMD_INPUT_CHUNK_TYPE_TEXT) {
        throw std::runtime_error("there is no embedding in chunk " + std::to_string(chunk));
    }
    return media.chunks[chunk];
}

/* As mtmd-helper.cpp has them. */
mtmd_decoder_pos position(const mtmd_input_chunk * chunk, int32_t first, int cell) {
    if (mtmd_input_chunk_get_type(chunk) == MTMD_INPUT_CHUNK_TYPE_IMAGE) {
        return mtmd_image_tokens_get_decoder_pos(
            mtmd_input_chunk_get_tokens_image(chunk), first, static_cast<size_t>(cell));
    }
    const auto at = static_cast<uint32_t>(first + cell);
    return { at, at, at, at };
}

} // namespace

void * bigllama_image_realloc(void * old, size_t bytes) {
    return bytes > MOST_IMAGE_MEMORY ? nullptr : std::realloc(old, bytes);
}

extern "C" {

/* Instead of the server's mtmd_init_from_file. Warming up only builds the graph; that of the model would compute. */
mtmd_context * bigllama_server_projector(
    const char * path, const struct llama_model * model, mtmd_context_params params) {
    params.warmup = true;
    return listening([&] {
        mtmd_context * created = mtmd_init_from_file(path, model, params);
        if (created == nullptr) {
            throw std::runtime_error(
                "cannot load the projector " + std::string(path) + ": " + reason("llama.cpp does not say why"));
        }
        return created;
    });
}

/*
 * Instead of the server's mtmd_helper_bitmap_init_from_buf. What is no image or sound, or too large, is the client's
 * fault, which the server answers with 400.
 */
mtmd_helper_bitmap_wrapper bigllama_server_bitmap(
    const mtmd_context * context, const unsigned char * bytes, size_t length, bool is_placeholder,
    mtmd_helper_init_opt options) {
    try {
        mtmd::bitmap decoded = decode(context, bytes, static_cast<int64_t>(length));
        if (!is_placeholder) {
            // By which the server finds what it has computed of it before.
            decoded.set_id(hash_sha256_hex(bytes, length).c_str());
            return { decoded.ptr.release(), nullptr };
        }
    } catch (const std::exception & e) {
        throw std::invalid_argument("the image or sound can't be used: " + std::string(e.what()));
    }
    // To count its tokens without its contents.
    return mtmd_helper_bitmap_init_from_buf(context, bytes, length, is_placeholder, options);
}

struct bigllama_projector * bigllama_projector_create(
    const char * path, const struct llama_model * model, int threads, bool gpu, char ** error) {
    return told(error, [&] {
        return listening([&] {
            mtmd_context_params params = mtmd_context_params_default();
            params.use_gpu = gpu;
            params.print_timings = false;
            params.n_threads = threads;
            auto created = std::make_unique<bigllama_projector>();
            created->context.reset(mtmd_init_from_file(path, model, params));
            if (!created->context) {
                throw std::runtime_error(reason("llama.cpp does not say why"));
            }
            created->embedding = static_cast<size_t>(llama_model_n_embd_inp(model));
            created->dimensions = mtmd_decode_use_mrope(created->context.get()) ? 4 : 1;
            return created.release();
        });
    });
}

void bigllama_projector_free(struct bigllama_projector * projector) {
    delete projector;
}

char * bigllama_projector_describe(const struct bigllama_projector * projector, char ** error) {
    return told(error, [&] {
        return copy(common_json::object({
            { "vision", mtmd_support_vision(projector->context.get()) },
            { "audio", mtmd_support_audio(projector->context.get()) },
            { "dimensions", projector->dimensions },
        }).dump());
    });
}

struct bigllama_media * bigllama_media_create(
    struct bigllama_projector * projector, const uint8_t * bytes, int64_t length, char ** error) {
    return told(error, [&] {
        return listening([&] {
            const mtmd_context * context = projector->context.get();
            const mtmd::bitmap decoded = decode(context, bytes, length);
            auto created = std::make_unique<bigllama_media>();
            created->chunks.ptr.reset(mtmd_input_chunks_init());
            const std::string marker = mtmd_get_marker(context);
            const mtmd_input_text text = { marker.data(), marker.size(), false, true };
            const mtmd_bitmap * only = decoded.ptr.get();
            if (mtmd_tokenize(context, created->chunks.ptr.get(), &text, &only, 1) != 0) {
                throw std::runtime_error(reason("the projector can't take it"));
            }
            return created.release();
        });
    });
}

void bigllama_media_free(struct bigllama_media * media) {
    delete media;
}

char * bigllama_media_describe(
    const struct bigllama_projector * projector, const struct bigllama_media * media, char ** error) {
    return told(error, [&] {
        common_json all = common_json::array();
        for (size_t i = 0; i < media->chunks.size(); i++) {
            const mtmd_input_chunk * chunk = media->chunks[i];
            common_json one = common_json::object();
            if (mtmd_input_chunk_get_type(chunk) == MTMD_INPUT_CHUNK_TYPE_TEXT) {
                size_t count = 0;
                const llama_token * tokens = mtmd_input_chunk_get_tokens_text(chunk, &count);
                common_json list = common_json::array();
                for (size_t j = 0; j < count; j++) {
                    list.push_back(static_cast<int>(tokens[j]));
                }
                one["tokens"] = list;
            } else {
                one["cells"] = static_cast<int64_t>(mtmd_input_chunk_get_n_tokens(chunk));
                one["positions"] = static_cast<int64_t>(mtmd_input_chunk_get_n_pos(chunk));
                one["causal"] = !mtmd_decode_use_non_causal(projector->context.get(), chunk);
            }
            all.push_back(one);
        }
        return copy(all.dump());
    });
}

int bigllama_media_encode(
    struct bigllama_projector * projector, const struct bigllama_media * media, int chunk, float * embeddings,
    char ** error) {
    return counted(error, [&] {
        return listening([&] {
            const mtmd_input_chunk * encoded = chunk_at(*media, chunk);
            if (mtmd_encode_chunk(projector->context.get(), encoded) != 0) {
                throw std::runtime_error(reason("the projector can't compute it"));
            }
            const float * result = mtmd_get_output_embd(projector->context.get());
            std::copy_n(result, mtmd_input_chunk_get_n_tokens(encoded) * projector->embedding, embeddings);
            return 0;
        });
    });
}

int bigllama_media_positions(
    const struct bigllama_projector * projector, const struct bigllama_media * media, int chunk, int32_t first,
    int32_t * positions, char ** error) {
    return counted(error, [&] {
        const mtmd_input_chunk * placed = chunk_at(*media, chunk);
        const int cells = static_cast<int>(mtmd_input_chunk_get_n_tokens(placed));
        for (int i = 0; i < cells; i++) {
            if (projector->dimensions == 1) {
                positions[i] = first + i;
                continue;
            }
            const mtmd_decoder_pos at = position(placed, first, i);
            // llama.cpp's batches have the rows before the columns.
            const uint32_t order[] = { at.t, at.y, at.x, at.z };
            for (int dimension = 0; dimension < projector->dimensions; dimension++) {
                positions[dimension * cells + i] = static_cast<int32_t>(order[dimension]);
            }
        }
        return 0;
    });
}

} // extern "C"
