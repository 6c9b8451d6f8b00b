#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "bigllama.h"
#include "calls.h"
#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "ggml-impl.h"

namespace {

/* The rows of an expert that a thread takes at a time, as in ggml_mul_mat_id with one token. */
constexpr int64_t CHUNK = 64;

/* The rows that stay in the processor's cache while all tokens of an expert are computed. */
constexpr int64_t BLOCK = 16;

using kernels = decltype(ggml_get_type_traits_cpu) *;

/* The kernels of the CPU backend in use, which may be a module: it is the one that has this other function. */
kernels find_kernels() {
    ggml_backend_dev_t cpu = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    if (cpu == nullptr) {
        throw std::runtime_error("no CPU backend");
    }
    void * known = ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(cpu), "ggml_threadpool_new");
    Dl_info module;
    if (known == nullptr || dladdr(known, &module) == 0) {
        throw std::runtime_error("the CPU backend is in no module");
    }
    void * handle = dlopen(module.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (handle == nullptr) {
        throw std::runtime_error(dlerror());
    }
    void * function = dlsym(handle, "ggml_get_type_traits_cpu");
    dlclose(handle);
    if (function == nullptr) {
        throw std::runtime_error("the CPU backend has no ggml_get_type_traits_cpu");
    }
    return reinterpret_cast<kernels>(function);
}

}  // namespace

struct bigllama_experts {
    /* An expert, and its part of the order. */
    struct group {
        const char * slice;
        size_t begin;
        size_t end;
    };

    const kernels types = find_kernels();

    /* The number of each chosen expert, token after token, those of one expert together. */
    std::vector<int> order;
    std::vector<group> groups;

    /* The chunks that threads have begun. */
    std::atomic<int64_t> begun{ 0 };

    /* What the node had. */
    ggml_custom_op_params before = {};

    void choose(const int64_t * slices, int count) {
        order.resize(static_cast<size_t>(count));
        std::iota(order.begin(), order.end(), 0);
        std::sort(order.begin(), order.end(), [&](int a, int b) {
            return slices[a] != slices[b] ? slices[a] < slices[b] : a < b;
        });
        groups.clear();
        for (size_t i = 0; i < order.size(); i++) {
            const char * slice = reinterpret_cast<const char *>(slices[order[i]]);
            if (groups.empty() || groups.back().slice != slice) {
                groups.push_back({ slice, i, i });
            }
            groups.back().end = i + 1;
        }
        begun = 0;
    }

    void compute(const ggml_tensor * result) {
        const ggml_tensor * weight = result->src[0];
        const ggml_tensor * input = result->src[1];
        const ggml_type_traits_cpu & kernel = *types(weight->type);
        const int64_t rows = weight->ne[1];
        const int64_t chunks = (rows + CHUNK - 1) / CHUNK;
        const int64_t all = chunks * static_cast<int64_t>(groups.size());
        if (begun >= all) {
            return;
        }
        const char * vectors = static_cast<const char *>(input->data);
        size_t stride = input->nb[1];
        size_t token = input->nb[2];
        // Each thread converts all inputs, which takes less time than to wait for others.
        static thread_local std::vector<char> converted;
        if (input->type != kernel.vec_dot_type) {
            stride = ggml_row_size(kernel.vec_dot_type, input->ne[0]);
            token = stride * static_cast<size_t>(input->ne[1]);
            converted.resize(token * static_cast<size_t>(input->ne[2]));
            const ggml_from_float_t convert = types(kernel.vec_dot_type)->from_float;
            for (int64_t t = 0; t < input->ne[2]; t++) {
                for (int64_t i = 0; i < input->ne[1]; i++) {
                    const char * vector = vectors + t * input->nb[2] + i * input->nb[1];
                    convert(reinterpret_cast<const float *>(vector), &converted[t * token + i * stride], input->ne[0]);
                }
            }
            vectors = converted.data();
        }
        for (int64_t chunk = begun++; chunk < all; chunk = begun++) {
            const group & expert = groups[static_cast<size_t>(chunk / chunks)];
            const int64_t begin = chunk % chunks * CHUNK;
            const int64_t end = std::min(begin + CHUNK, rows);
            for (int64_t block = begin; block < end; block += BLOCK) {
                for (size_t k = expert.begin; k < expert.end; k++) {
                    const int64_t t = order[k] / result->ne[1];
                    const int64_t i = order[k] % result->ne[1];
                    const char * vector = vectors + t * token + i % input->ne[1] * stride;
                    char * target = static_cast<char *>(result->data) + t * result->nb[2] + i * result->nb[1];
                    for (int64_t row = block; row < std::min(block + BLOCK, end); row++) {
                        kernel.vec_dot(
                            static_cast<int>(input->ne[0]), reinterpret_cast<float *>(target) + row, 0,
                            expert.slice + row * weight->nb[1], 0, vector, 0, 1);
                    }
                }
            }
        }
    }

    /* There is no way to report a failure, and ggml itself ends the process without memory. */
    static void operation(ggml_tensor * result, int, int, void * experts) noexcept {
        static_cast<bigllama_experts *>(experts)->compute(result);
    }
};

bigllama_experts * bigllama_experts_create(char ** error) {
    return told(error, [] { return new bigllama_experts(); });
}

void bigllama_experts_free(bigllama_experts * experts) {
    delete experts;
}

int bigllama_experts_enter(bigllama_experts * experts, ggml_tensor * node, const int64_t * slices, int count, char ** error) {
    return counted(error, [&] {
        experts->choose(slices, count);
        const ggml_custom_op_params after = { bigllama_experts::operation, GGML_N_TASKS_MAX, experts };
        std::memcpy(&experts->before, node->op_params, sizeof(after));
        std::memcpy(node->op_params, &after, sizeof(after));
        node->op = GGML_OP_CUSTOM;
        return 0;
    });
}

void bigllama_experts_leave(bigllama_experts * experts, ggml_tensor * node) {
    ggml_custom_op_params current;
    std::memcpy(&current, node->op_params, sizeof(current));
    if (node->op == GGML_OP_CUSTOM && current.userdata == experts) {
        std::memcpy(node->op_params, &experts->before, sizeof(current));
        node->op = GGML_OP_MUL_MAT_ID;
    }
}
