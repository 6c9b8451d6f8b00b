/*
 * Included (-include) before the first line of llama.cpp's files that compute projectors, clip.cpp and models/*.cpp,
 * and nowhere else.
 *
 * They take for granted that a file has each tensor that its type of projector uses, and that each index is one of a
 * row. Here a wrong file is an exception, which mtmd catches.
 */
#include "ggml.h"
#include "ggml-backend.h"

/* Throws if a graph uses a tensor that the file does not have. */
void bigllama_require(const char * function, ggml_tensor * tensor);
template <typename T> void bigllama_require(const char *, T) {}

/* Computes a graph, whose indexes of rows are checked first. */
ggml_status bigllama_compute(ggml_backend_sched_t sched, ggml_cgraph * graph);

/* So that the compiler takes the types of arguments from the function. */
template <typename T> struct bigllama_same { using type = T; };

template <typename R, typename... P>
R bigllama_checked(const char * name, R (*function)(P...), typename bigllama_same<P>::type... arguments) {
    (bigllama_require(name, arguments), ...);
    return function(arguments...);
}

/* The functions that are given tensors of files; no argument of theirs may be missing. */
#define BIGLLAMA_CHECKED(function, ...) bigllama_checked(#function, function, __VA_ARGS__)
#define ggml_add(...) BIGLLAMA_CHECKED(ggml_add, __VA_ARGS__)
#define ggml_cast(...) BIGLLAMA_CHECKED(ggml_cast, __VA_ARGS__)
#define ggml_concat(...) BIGLLAMA_CHECKED(ggml_concat, __VA_ARGS__)
#define ggml_cont(...) BIGLLAMA_CHECKED(ggml_cont, __VA_ARGS__)
#define ggml_conv_1d(...) BIGLLAMA_CHECKED(ggml_conv_1d, __VA_ARGS__)
#define ggml_conv_1d_ph(...) BIGLLAMA_CHECKED(ggml_conv_1d_ph, __VA_ARGS__)
#define ggml_conv_2d(...) BIGLLAMA_CHECKED(ggml_conv_2d, __VA_ARGS__)
#define ggml_conv_2d_direct(...) BIGLLAMA_CHECKED(ggml_conv_2d_direct, __VA_ARGS__)
#define ggml_conv_2d_dw(...) BIGLLAMA_CHECKED(ggml_conv_2d_dw, __VA_ARGS__)
#define ggml_conv_2d_dw_direct(...) BIGLLAMA_CHECKED(ggml_conv_2d_dw_direct, __VA_ARGS__)
#define ggml_div(...) BIGLLAMA_CHECKED(ggml_div, __VA_ARGS__)
#define ggml_get_rows(...) BIGLLAMA_CHECKED(ggml_get_rows, __VA_ARGS__)
#define ggml_im2col(...) BIGLLAMA_CHECKED(ggml_im2col, __VA_ARGS__)
#define ggml_interpolate(...) BIGLLAMA_CHECKED(ggml_interpolate, __VA_ARGS__)
#define ggml_mul(...) BIGLLAMA_CHECKED(ggml_mul, __VA_ARGS__)
#define ggml_mul_mat(...) BIGLLAMA_CHECKED(ggml_mul_mat, __VA_ARGS__)
#define ggml_mul_mat_id(...) BIGLLAMA_CHECKED(ggml_mul_mat_id, __VA_ARGS__)
#define ggml_norm(...) BIGLLAMA_CHECKED(ggml_norm, __VA_ARGS__)
#define ggml_permute(...) BIGLLAMA_CHECKED(ggml_permute, __VA_ARGS__)
#define ggml_repeat(...) BIGLLAMA_CHECKED(ggml_repeat, __VA_ARGS__)
#define ggml_repeat_4d(...) BIGLLAMA_CHECKED(ggml_repeat_4d, __VA_ARGS__)
#define ggml_reshape_2d(...) BIGLLAMA_CHECKED(ggml_reshape_2d, __VA_ARGS__)
#define ggml_reshape_3d(...) BIGLLAMA_CHECKED(ggml_reshape_3d, __VA_ARGS__)
#define ggml_reshape_4d(...) BIGLLAMA_CHECKED(ggml_reshape_4d, __VA_ARGS__)
#define ggml_rms_norm(...) BIGLLAMA_CHECKED(ggml_rms_norm, __VA_ARGS__)
#define ggml_sigmoid(...) BIGLLAMA_CHECKED(ggml_sigmoid, __VA_ARGS__)
#define ggml_sqrt(...) BIGLLAMA_CHECKED(ggml_sqrt, __VA_ARGS__)
#define ggml_ssm_conv(...) BIGLLAMA_CHECKED(ggml_ssm_conv, __VA_ARGS__)
#define ggml_sub(...) BIGLLAMA_CHECKED(ggml_sub, __VA_ARGS__)
#define ggml_transpose(...) BIGLLAMA_CHECKED(ggml_transpose, __VA_ARGS__)
#define ggml_upscale(...) BIGLLAMA_CHECKED(ggml_upscale, __VA_ARGS__)
#define ggml_view_1d(...) BIGLLAMA_CHECKED(ggml_view_1d, __VA_ARGS__)
#define ggml_view_2d(...) BIGLLAMA_CHECKED(ggml_view_2d, __VA_ARGS__)
#define ggml_view_3d(...) BIGLLAMA_CHECKED(ggml_view_3d, __VA_ARGS__)
#define ggml_view_4d(...) BIGLLAMA_CHECKED(ggml_view_4d, __VA_ARGS__)
#define ggml_backend_sched_graph_compute bigllama_compute
