/*
 * Prints the structs and constants of the Java bindings as the C compiler sees them: sizes, alignments and
 * offsets in bytes, and values, one per line. The build keeps the output beside the libraries, and a test
 * of the bindings compares it with the Java layouts.
 *
 * This list and the bindings must match: the test fails if either has more.
 */
#include <stddef.h>
#include <stdio.h>

#include "ggml-backend.h"
#include "ggml.h"
#include "gguf.h"
#include "llama.h"

#define STRUCT(s) printf("struct " #s " %zu %zu\n", sizeof(struct s), _Alignof(struct s))
#define FIELD(s, f) printf("field " #s "." #f " %zu %zu\n", offsetof(struct s, f), sizeof(((struct s *) 0)->f))
#define CONSTANT(c) printf("constant " #c " %lld\n", (long long) (c))

int main(void) {

    STRUCT(llama_token_data);
    FIELD(llama_token_data, id);
    FIELD(llama_token_data, logit);
    FIELD(llama_token_data, p);

    STRUCT(llama_token_data_array);
    FIELD(llama_token_data_array, data);
    FIELD(llama_token_data_array, size);
    FIELD(llama_token_data_array, selected);
    FIELD(llama_token_data_array, sorted);

    STRUCT(llama_batch);
    FIELD(llama_batch, n_tokens);
    FIELD(llama_batch, token);
    FIELD(llama_batch, embd);
    FIELD(llama_batch, pos);
    FIELD(llama_batch, n_seq_id);
    FIELD(llama_batch, seq_id);
    FIELD(llama_batch, logits);

    STRUCT(llama_model_kv_override);
    FIELD(llama_model_kv_override, tag);
    FIELD(llama_model_kv_override, key);
    FIELD(llama_model_kv_override, val_i64);
    FIELD(llama_model_kv_override, val_f64);
    FIELD(llama_model_kv_override, val_bool);
    FIELD(llama_model_kv_override, val_str);

    STRUCT(llama_model_tensor_buft_override);
    FIELD(llama_model_tensor_buft_override, pattern);
    FIELD(llama_model_tensor_buft_override, buft);

    STRUCT(llama_model_params);
    FIELD(llama_model_params, devices);
    FIELD(llama_model_params, tensor_buft_overrides);
    FIELD(llama_model_params, n_gpu_layers);
    FIELD(llama_model_params, split_mode);
    FIELD(llama_model_params, load_mode);
    FIELD(llama_model_params, lazy_mode);
    FIELD(llama_model_params, main_gpu);
    FIELD(llama_model_params, tensor_split);
    FIELD(llama_model_params, progress_callback);
    FIELD(llama_model_params, progress_callback_user_data);
    FIELD(llama_model_params, kv_overrides);
    FIELD(llama_model_params, vocab_only);
    FIELD(llama_model_params, check_tensors);
    FIELD(llama_model_params, use_extra_bufts);
    FIELD(llama_model_params, no_host);
    FIELD(llama_model_params, no_alloc);
    FIELD(llama_model_params, load_mtp);

    STRUCT(llama_sampler_seq_config);
    FIELD(llama_sampler_seq_config, seq_id);
    FIELD(llama_sampler_seq_config, sampler);

    STRUCT(llama_context_params);
    FIELD(llama_context_params, n_ctx);
    FIELD(llama_context_params, n_batch);
    FIELD(llama_context_params, n_ubatch);
    FIELD(llama_context_params, n_seq_max);
    FIELD(llama_context_params, n_rs_seq);
    FIELD(llama_context_params, n_outputs_max);
    FIELD(llama_context_params, n_outputs_max_per_seq);
    FIELD(llama_context_params, n_threads);
    FIELD(llama_context_params, n_threads_batch);
    FIELD(llama_context_params, ctx_type);
    FIELD(llama_context_params, rope_scaling_type);
    FIELD(llama_context_params, pooling_type);
    FIELD(llama_context_params, attention_type);
    FIELD(llama_context_params, flash_attn_type);
    FIELD(llama_context_params, rope_freq_base);
    FIELD(llama_context_params, rope_freq_scale);
    FIELD(llama_context_params, yarn_ext_factor);
    FIELD(llama_context_params, yarn_attn_factor);
    FIELD(llama_context_params, yarn_beta_fast);
    FIELD(llama_context_params, yarn_beta_slow);
    FIELD(llama_context_params, yarn_orig_ctx);
    FIELD(llama_context_params, defrag_thold);
    FIELD(llama_context_params, cb_eval);
    FIELD(llama_context_params, cb_eval_user_data);
    FIELD(llama_context_params, type_k);
    FIELD(llama_context_params, type_v);
    FIELD(llama_context_params, abort_callback);
    FIELD(llama_context_params, abort_callback_data);
    FIELD(llama_context_params, embeddings);
    FIELD(llama_context_params, offload_kqv);
    FIELD(llama_context_params, no_perf);
    FIELD(llama_context_params, op_offload);
    FIELD(llama_context_params, swa_full);
    FIELD(llama_context_params, kv_unified);
    FIELD(llama_context_params, samplers);
    FIELD(llama_context_params, n_samplers);
    FIELD(llama_context_params, ctx_other);

    STRUCT(llama_model_quantize_params);
    FIELD(llama_model_quantize_params, nthread);
    FIELD(llama_model_quantize_params, ftype);
    FIELD(llama_model_quantize_params, output_tensor_type);
    FIELD(llama_model_quantize_params, token_embedding_type);
    FIELD(llama_model_quantize_params, allow_requantize);
    FIELD(llama_model_quantize_params, quantize_output_tensor);
    FIELD(llama_model_quantize_params, only_copy);
    FIELD(llama_model_quantize_params, pure);
    FIELD(llama_model_quantize_params, keep_split);
    FIELD(llama_model_quantize_params, dry_run);
    FIELD(llama_model_quantize_params, imatrix);
    FIELD(llama_model_quantize_params, kv_overrides);
    FIELD(llama_model_quantize_params, tt_overrides);
    FIELD(llama_model_quantize_params, prune_layers);
    FIELD(llama_model_quantize_params, max_buf_size);

    STRUCT(llama_model_tensor_override);
    FIELD(llama_model_tensor_override, pattern);
    FIELD(llama_model_tensor_override, type);

    STRUCT(llama_model_imatrix_data);
    FIELD(llama_model_imatrix_data, name);
    FIELD(llama_model_imatrix_data, data);
    FIELD(llama_model_imatrix_data, size);

    STRUCT(llama_logit_bias);
    FIELD(llama_logit_bias, token);
    FIELD(llama_logit_bias, bias);

    STRUCT(llama_sampler_chain_params);
    FIELD(llama_sampler_chain_params, no_perf);

    STRUCT(llama_chat_message);
    FIELD(llama_chat_message, role);
    FIELD(llama_chat_message, content);

    STRUCT(llama_perf_context_data);
    FIELD(llama_perf_context_data, t_start_ms);
    FIELD(llama_perf_context_data, t_load_ms);
    FIELD(llama_perf_context_data, t_p_eval_ms);
    FIELD(llama_perf_context_data, t_eval_ms);
    FIELD(llama_perf_context_data, n_p_eval);
    FIELD(llama_perf_context_data, n_eval);
    FIELD(llama_perf_context_data, n_reused);

    STRUCT(llama_perf_sampler_data);
    FIELD(llama_perf_sampler_data, t_sample_ms);
    FIELD(llama_perf_sampler_data, n_sample);

    STRUCT(ggml_tensor);
    FIELD(ggml_tensor, type);
    FIELD(ggml_tensor, buffer);
    FIELD(ggml_tensor, ne);
    FIELD(ggml_tensor, nb);
    FIELD(ggml_tensor, op);
    FIELD(ggml_tensor, op_params);
    FIELD(ggml_tensor, flags);
    FIELD(ggml_tensor, src);
    FIELD(ggml_tensor, view_src);
    FIELD(ggml_tensor, view_offs);
    FIELD(ggml_tensor, data);
    FIELD(ggml_tensor, name);
    FIELD(ggml_tensor, extra);
    FIELD(ggml_tensor, padding);

    STRUCT(ggml_init_params);
    FIELD(ggml_init_params, mem_size);
    FIELD(ggml_init_params, mem_buffer);
    FIELD(ggml_init_params, no_alloc);

    STRUCT(ggml_threadpool_params);
    FIELD(ggml_threadpool_params, cpumask);
    FIELD(ggml_threadpool_params, n_threads);
    FIELD(ggml_threadpool_params, prio);
    FIELD(ggml_threadpool_params, poll);
    FIELD(ggml_threadpool_params, strict_cpu);
    FIELD(ggml_threadpool_params, paused);

    STRUCT(ggml_backend_dev_props);
    FIELD(ggml_backend_dev_props, name);
    FIELD(ggml_backend_dev_props, description);
    FIELD(ggml_backend_dev_props, memory_free);
    FIELD(ggml_backend_dev_props, memory_total);
    FIELD(ggml_backend_dev_props, type);
    FIELD(ggml_backend_dev_props, device_id);
    FIELD(ggml_backend_dev_props, caps);

    STRUCT(ggml_backend_dev_caps);
    FIELD(ggml_backend_dev_caps, async);
    FIELD(ggml_backend_dev_caps, host_buffer);
    FIELD(ggml_backend_dev_caps, buffer_from_host_ptr);
    FIELD(ggml_backend_dev_caps, events);
    FIELD(ggml_backend_dev_caps, mmap_support);

    STRUCT(ggml_backend_feature);
    FIELD(ggml_backend_feature, name);
    FIELD(ggml_backend_feature, value);

    STRUCT(gguf_init_params);
    FIELD(gguf_init_params, no_alloc);
    FIELD(gguf_init_params, ctx);

    CONSTANT(LLAMA_VOCAB_TYPE_NONE);
    CONSTANT(LLAMA_VOCAB_TYPE_SPM);
    CONSTANT(LLAMA_VOCAB_TYPE_BPE);
    CONSTANT(LLAMA_VOCAB_TYPE_WPM);
    CONSTANT(LLAMA_VOCAB_TYPE_UGM);
    CONSTANT(LLAMA_VOCAB_TYPE_RWKV);
    CONSTANT(LLAMA_VOCAB_TYPE_PLAMO2);
    CONSTANT(LLAMA_VOCAB_TYPE_TEST);

    CONSTANT(LLAMA_TOKEN_ATTR_UNDEFINED);
    CONSTANT(LLAMA_TOKEN_ATTR_UNKNOWN);
    CONSTANT(LLAMA_TOKEN_ATTR_UNUSED);
    CONSTANT(LLAMA_TOKEN_ATTR_NORMAL);
    CONSTANT(LLAMA_TOKEN_ATTR_CONTROL);
    CONSTANT(LLAMA_TOKEN_ATTR_USER_DEFINED);
    CONSTANT(LLAMA_TOKEN_ATTR_BYTE);
    CONSTANT(LLAMA_TOKEN_ATTR_NORMALIZED);
    CONSTANT(LLAMA_TOKEN_ATTR_LSTRIP);
    CONSTANT(LLAMA_TOKEN_ATTR_RSTRIP);
    CONSTANT(LLAMA_TOKEN_ATTR_SINGLE_WORD);

    CONSTANT(LLAMA_FTYPE_ALL_F32);

    CONSTANT(LLAMA_FTYPE_MOSTLY_F16);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q4_0);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q4_1);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q8_0);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q5_0);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q5_1);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q2_K);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q3_K_S);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q3_K_M);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q3_K_L);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q4_K_S);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q4_K_M);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q5_K_S);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q5_K_M);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q6_K);
    CONSTANT(LLAMA_FTYPE_MOSTLY_IQ2_XXS);
    CONSTANT(LLAMA_FTYPE_MOSTLY_IQ2_XS);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q2_K_S);
    CONSTANT(LLAMA_FTYPE_MOSTLY_IQ3_XS);
    CONSTANT(LLAMA_FTYPE_MOSTLY_IQ3_XXS);
    CONSTANT(LLAMA_FTYPE_MOSTLY_IQ1_S);
    CONSTANT(LLAMA_FTYPE_MOSTLY_IQ4_NL);
    CONSTANT(LLAMA_FTYPE_MOSTLY_IQ3_S);
    CONSTANT(LLAMA_FTYPE_MOSTLY_IQ3_M);
    CONSTANT(LLAMA_FTYPE_MOSTLY_IQ2_S);
    CONSTANT(LLAMA_FTYPE_MOSTLY_IQ2_M);
    CONSTANT(LLAMA_FTYPE_MOSTLY_IQ4_XS);
    CONSTANT(LLAMA_FTYPE_MOSTLY_IQ1_M);
    CONSTANT(LLAMA_FTYPE_MOSTLY_BF16);
    CONSTANT(LLAMA_FTYPE_MOSTLY_TQ1_0);
    CONSTANT(LLAMA_FTYPE_MOSTLY_TQ2_0);
    CONSTANT(LLAMA_FTYPE_MOSTLY_MXFP4_MOE);
    CONSTANT(LLAMA_FTYPE_MOSTLY_NVFP4);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q1_0);
    CONSTANT(LLAMA_FTYPE_MOSTLY_Q2_0);

    CONSTANT(LLAMA_FTYPE_GUESSED);

    CONSTANT(LLAMA_ROPE_SCALING_TYPE_UNSPECIFIED);
    CONSTANT(LLAMA_ROPE_SCALING_TYPE_NONE);
    CONSTANT(LLAMA_ROPE_SCALING_TYPE_LINEAR);
    CONSTANT(LLAMA_ROPE_SCALING_TYPE_YARN);
    CONSTANT(LLAMA_ROPE_SCALING_TYPE_LONGROPE);
    CONSTANT(LLAMA_ROPE_SCALING_TYPE_MAX_VALUE);

    CONSTANT(LLAMA_CONTEXT_TYPE_DEFAULT);
    CONSTANT(LLAMA_CONTEXT_TYPE_MTP);
    CONSTANT(LLAMA_POOLING_TYPE_UNSPECIFIED);
    CONSTANT(LLAMA_POOLING_TYPE_NONE);
    CONSTANT(LLAMA_POOLING_TYPE_MEAN);
    CONSTANT(LLAMA_POOLING_TYPE_CLS);
    CONSTANT(LLAMA_POOLING_TYPE_LAST);
    CONSTANT(LLAMA_POOLING_TYPE_RANK);

    CONSTANT(LLAMA_ATTENTION_TYPE_UNSPECIFIED);
    CONSTANT(LLAMA_ATTENTION_TYPE_CAUSAL);
    CONSTANT(LLAMA_ATTENTION_TYPE_NON_CAUSAL);

    CONSTANT(LLAMA_FLASH_ATTN_TYPE_AUTO);
    CONSTANT(LLAMA_FLASH_ATTN_TYPE_DISABLED);
    CONSTANT(LLAMA_FLASH_ATTN_TYPE_ENABLED);

    CONSTANT(LLAMA_SPLIT_MODE_NONE);
    CONSTANT(LLAMA_SPLIT_MODE_LAYER);
    CONSTANT(LLAMA_SPLIT_MODE_ROW);
    CONSTANT(LLAMA_SPLIT_MODE_TENSOR);

    CONSTANT(LLAMA_LOAD_MODE_AUTO);
    CONSTANT(LLAMA_LOAD_MODE_NONE);
    CONSTANT(LLAMA_LOAD_MODE_MMAP);
    CONSTANT(LLAMA_LOAD_MODE_MLOCK);
    CONSTANT(LLAMA_LOAD_MODE_MMAP_MLOCK);
    CONSTANT(LLAMA_LOAD_MODE_DIRECT_IO);

    CONSTANT(LLAMA_LAZY_MODE_OFF);
    CONSTANT(LLAMA_LAZY_MODE_AUTO);
    CONSTANT(LLAMA_LAZY_MODE_ON);

    CONSTANT(LLAMA_KV_OVERRIDE_TYPE_INT);
    CONSTANT(LLAMA_KV_OVERRIDE_TYPE_FLOAT);
    CONSTANT(LLAMA_KV_OVERRIDE_TYPE_BOOL);
    CONSTANT(LLAMA_KV_OVERRIDE_TYPE_STR);

    CONSTANT(GGML_TYPE_F32);
    CONSTANT(GGML_TYPE_F16);
    CONSTANT(GGML_TYPE_Q4_0);
    CONSTANT(GGML_TYPE_Q4_1);
    CONSTANT(GGML_TYPE_Q5_0);
    CONSTANT(GGML_TYPE_Q5_1);
    CONSTANT(GGML_TYPE_Q8_0);
    CONSTANT(GGML_TYPE_Q8_1);
    CONSTANT(GGML_TYPE_Q2_K);
    CONSTANT(GGML_TYPE_Q3_K);
    CONSTANT(GGML_TYPE_Q4_K);
    CONSTANT(GGML_TYPE_Q5_K);
    CONSTANT(GGML_TYPE_Q6_K);
    CONSTANT(GGML_TYPE_Q8_K);
    CONSTANT(GGML_TYPE_IQ2_XXS);
    CONSTANT(GGML_TYPE_IQ2_XS);
    CONSTANT(GGML_TYPE_IQ3_XXS);
    CONSTANT(GGML_TYPE_IQ1_S);
    CONSTANT(GGML_TYPE_IQ4_NL);
    CONSTANT(GGML_TYPE_IQ3_S);
    CONSTANT(GGML_TYPE_IQ2_S);
    CONSTANT(GGML_TYPE_IQ4_XS);
    CONSTANT(GGML_TYPE_I8);
    CONSTANT(GGML_TYPE_I16);
    CONSTANT(GGML_TYPE_I32);
    CONSTANT(GGML_TYPE_I64);
    CONSTANT(GGML_TYPE_F64);
    CONSTANT(GGML_TYPE_IQ1_M);
    CONSTANT(GGML_TYPE_BF16);
    CONSTANT(GGML_TYPE_TQ1_0);
    CONSTANT(GGML_TYPE_TQ2_0);
    CONSTANT(GGML_TYPE_MXFP4);
    CONSTANT(GGML_TYPE_NVFP4);
    CONSTANT(GGML_TYPE_Q1_0);
    CONSTANT(GGML_TYPE_Q2_0);
    CONSTANT(GGML_TYPE_COUNT);

    CONSTANT(GGML_STATUS_ALLOC_FAILED);

    CONSTANT(GGML_STATUS_FAILED);

    CONSTANT(GGML_STATUS_SUCCESS);

    CONSTANT(GGML_STATUS_ABORTED);

    CONSTANT(GGML_LOG_LEVEL_NONE);
    CONSTANT(GGML_LOG_LEVEL_DEBUG);
    CONSTANT(GGML_LOG_LEVEL_INFO);
    CONSTANT(GGML_LOG_LEVEL_WARN);
    CONSTANT(GGML_LOG_LEVEL_ERROR);
    CONSTANT(GGML_LOG_LEVEL_CONT);

    CONSTANT(GGML_BACKEND_DEVICE_TYPE_CPU);
    CONSTANT(GGML_BACKEND_DEVICE_TYPE_GPU);
    CONSTANT(GGML_BACKEND_DEVICE_TYPE_IGPU);
    CONSTANT(GGML_BACKEND_DEVICE_TYPE_ACCEL);
    CONSTANT(GGML_BACKEND_DEVICE_TYPE_META);

    CONSTANT(GGML_BACKEND_BUFFER_USAGE_ANY);
    CONSTANT(GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
    CONSTANT(GGML_BACKEND_BUFFER_USAGE_COMPUTE);

    CONSTANT(GGML_SCHED_PRIO_LOW);
    CONSTANT(GGML_SCHED_PRIO_NORMAL);
    CONSTANT(GGML_SCHED_PRIO_MEDIUM);
    CONSTANT(GGML_SCHED_PRIO_HIGH);
    CONSTANT(GGML_SCHED_PRIO_REALTIME);

    CONSTANT(GGUF_TYPE_UINT8);

    CONSTANT(GGUF_TYPE_INT8);

    CONSTANT(GGUF_TYPE_UINT16);

    CONSTANT(GGUF_TYPE_INT16);

    CONSTANT(GGUF_TYPE_UINT32);

    CONSTANT(GGUF_TYPE_INT32);

    CONSTANT(GGUF_TYPE_FLOAT32);

    CONSTANT(GGUF_TYPE_BOOL);

    CONSTANT(GGUF_TYPE_STRING);

    CONSTANT(GGUF_TYPE_ARRAY);

    CONSTANT(GGUF_TYPE_UINT64);

    CONSTANT(GGUF_TYPE_INT64);

    CONSTANT(GGUF_TYPE_FLOAT64);

    CONSTANT(GGUF_TYPE_COUNT);

    CONSTANT(LLAMA_DEFAULT_SEED);

    CONSTANT(LLAMA_TOKEN_NULL);

    CONSTANT(GGML_MAX_DIMS);

    CONSTANT(GGML_MAX_NAME);

    CONSTANT(GGML_MAX_SRC);

    CONSTANT(GGML_MAX_N_THREADS);
    return 0;
}
