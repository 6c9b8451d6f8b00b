/* What llama.cpp's mtmd needs to live with wrong projectors; see server/projector.h. */
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "clip.h"
#include "ggml-backend.h"
#include "ggml.h"

/* Those of clip.cpp, under other names. */
clip_init_result bigllama_clip_init(const char * file, clip_context_params params);
bool bigllama_clip_encode(
    clip_ctx * context, int threads, const clip_image_f32_batch * images, std::vector<float> & embeddings);

namespace {

/* Whether this thread works for a projector. */
thread_local bool is_guarded = false;

/* ggml checks the shapes of tensors while a graph is built, and would end the process because of a wrong file. */
void throw_if_guarded(const char * message) {
    if (is_guarded) {
        throw std::runtime_error("its tensors do not fit together: " + std::string(message));
    }
    std::fprintf(stderr, "%s\n", message);
}

class guard {
public:
    guard() {
        static std::once_flag once;
        std::call_once(once, [] { ggml_set_abort_callback(throw_if_guarded); });
        is_guarded = true;
    }
    ~guard() { is_guarded = false; }
    guard(const guard &) = delete;
    guard & operator=(const guard &) = delete;
};

/* Indexes that are no input of the graph are computed in it, or copied to a device that does not end the process. */
void require_rows(const ggml_tensor * node) {
    const ggml_tensor * rows = node->src[0];
    const ggml_tensor * indexes = node->src[1];
    const ggml_tensor * input = indexes->view_src == nullptr ? indexes : indexes->view_src;
    const bool is_given = (input->flags & GGML_TENSOR_FLAG_INPUT) != 0;
    if (!is_given || indexes->type != GGML_TYPE_I32 || !ggml_is_contiguous(indexes)) {
        return;
    }
    std::vector<int32_t> values(static_cast<size_t>(ggml_nelements(indexes)));
    ggml_backend_tensor_get(indexes, values.data(), 0, values.size() * sizeof(int32_t));
    for (const int32_t value : values) {
        if (value < 0 || value >= rows->ne[1]) {
            throw std::runtime_error(
                "the projector has too few positions for this: tensor " + std::string(rows->name) + " has " +
                std::to_string(rows->ne[1]) + " rows, and row " + std::to_string(value) + " is needed");
        }
    }
}

} // namespace

void bigllama_require(const char * function, ggml_tensor * tensor) {
    if (tensor == nullptr) {
        throw std::runtime_error(
            "the projector lacks a tensor that its type needs (" + std::string(function) + ")");
    }
}

ggml_status bigllama_compute(ggml_backend_sched_t sched, ggml_cgraph * graph) {
    for (int i = 0; i < ggml_graph_n_nodes(graph); i++) {
        const ggml_tensor * node = ggml_graph_node(graph, i);
        if (node->op == GGML_OP_GET_ROWS) {
            require_rows(node);
        }
    }
    return ggml_backend_sched_graph_compute(sched, graph);
}

clip_init_result clip_init(const char * file, clip_context_params params) {
    const guard guarded;
    return bigllama_clip_init(file, params);
}

bool clip_image_batch_encode(
    clip_ctx * context, int threads, const clip_image_f32_batch * images, std::vector<float> & embeddings) {
    const guard guarded;
    return bigllama_clip_encode(context, threads, images, embeddings);
}
