/*
 * The parts of llama.cpp's C++ libraries `common` and `mtmd` that bigllama needs, as C functions: chat templates, parsing
 * of replies, grammars, speculation, its server, images and sounds; and multiplications by experts. Texts are UTF-8 and
 * end with NUL; requests and results are JSON.
 *
 * No function lets an exception out. A function that fails returns NULL and sets *error to a message. Free results and
 * errors with bigllama_text_free. Templates may be used by one thread at a time; everything else is thread-safe unless
 * it says otherwise.
 */
#ifndef BIGLLAMA_H
#define BIGLLAMA_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__GNUC__)
#define BIGLLAMA_API __attribute__((visibility("default")))
#else
#define BIGLLAMA_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct ggml_tensor;
struct llama_batch;
struct llama_context;
struct llama_model;
struct llama_token_data;
struct llama_token_data_array;
struct llama_vocab;
struct bigllama_experts;
struct bigllama_grammar;
struct bigllama_media;
struct bigllama_projector;
struct bigllama_server;
struct bigllama_speculation;
struct bigllama_templates;

/*
 * The chat template of a model.
 *
 * model  may be NULL; the texts of the BOS and EOS tokens are then begin and end
 * source the Jinja source of a template to use instead; NULL for the model's own, or ChatML if the model has none
 */
BIGLLAMA_API struct bigllama_templates * bigllama_templates_create(
    const struct llama_model * model, const char * source, const char * begin, const char * end, char ** error);

BIGLLAMA_API void bigllama_templates_free(struct bigllama_templates * templates);

/* Returns an object: "source", "supports_thinking", and the capabilities that llama.cpp has found. */
BIGLLAMA_API char * bigllama_templates_describe(const struct bigllama_templates * templates, char ** error);

/*
 * Formats a conversation as a prompt.
 *
 * request an object: "messages" and "tools" as in OpenAI's API; optionally "tool_choice" (auto, none, required),
 *         "parallel_tool_calls", "json_schema" (an object), "add_generation_prompt", "enable_thinking", "now"
 *         (seconds since 1970), "begin_content" (true: the prompt ends where the content of the reply begins, after
 *         any reasoning section that the template opens)
 * result  an object: "prompt", "grammar", "grammar_lazy", "grammar_triggers", "preserved_tokens",
 *         "additional_stops", "supports_thinking", and "syntax", which bigllama_reply_parse takes
 */
BIGLLAMA_API char * bigllama_templates_apply(
    const struct bigllama_templates * templates, const char * request, char ** error);

/*
 * Parses a reply.
 *
 * syntax  "syntax" of the result of bigllama_templates_apply, as text
 * partial nonzero while the reply is incomplete
 * result  a message as in OpenAI's API: "content", "reasoning_content", "tool_calls"
 */
BIGLLAMA_API char * bigllama_reply_parse(const char * syntax, const char * text, int partial, char ** error);

/*
 * As llama_tokenize, but where that throws, because a vocabulary has no token for a part of the text, this sets *error
 * and returns INT32_MIN.
 */
BIGLLAMA_API int32_t bigllama_tokenize(
    const struct llama_vocab * vocab, const char * text, int32_t length, int32_t * tokens, int32_t most,
    bool add_special, bool parse_special, char ** error);

/* Returns the GBNF grammar of the JSON texts that a JSON schema allows. */
BIGLLAMA_API char * bigllama_schema_to_grammar(const char * schema, char ** error);

/*
 * Checks a GBNF grammar whose start rule is root, including for input on which llama.cpp would never return or would
 * abort. Returns 1 if the grammar is good, else 0 and an error. The vocabulary is checked by bigllama_grammar_create.
 */
BIGLLAMA_API int bigllama_grammar_check(const char * grammar, char ** error);

/*
 * The state of a GBNF grammar (start rule root) within a text. Used by one thread at a time.
 *
 * triggers NULL if the grammar applies from the start; else "grammar_triggers" of the result of
 *          bigllama_templates_apply, as text: the grammar then applies after the first trigger that the text continues
 *          as the grammar demands
 */
BIGLLAMA_API struct bigllama_grammar * bigllama_grammar_create(
    const struct llama_vocab * vocab, const char * grammar, const char * triggers, char ** error);

BIGLLAMA_API void bigllama_grammar_free(struct bigllama_grammar * grammar);

/*
 * Sets the logit of each candidate that the grammar does not allow next to -INFINITY. Returns how many are allowed, or
 * -1 and an error.
 */
BIGLLAMA_API int bigllama_grammar_apply(
    const struct bigllama_grammar * grammar, struct llama_token_data_array * candidates, char ** error);

/* Advances by a token. Returns the grammar. */
BIGLLAMA_API struct bigllama_grammar * bigllama_grammar_accept(
    struct bigllama_grammar * grammar, int token, char ** error);

/*
 * Fills candidates with all tokens, as llama_sampler_sample does from the outputs of a context; none is selected.
 * Returns false if a logit is NaN or INFINITY, on which samplers end the process.
 *
 * room   memory for count candidates, which must outlive them
 * logits of count tokens
 */
BIGLLAMA_API bool bigllama_candidates_fill(
    struct llama_token_data_array * candidates, struct llama_token_data * room, const float * logits, int count);

/*
 * Drafts the next tokens of texts, so that several are verified in one pass over the weights. Used by one thread at a
 * time; freed before its contexts.
 *
 * types     llama.cpp's names of the kinds of speculation, separated by commas; the first that has a draft is used
 *           (ngram-simple, draft-simple, draft-mtp …)
 * target    the context of the model that verifies
 * draft     the context of the draft model, or of the layers that predict further tokens (MTP); NULL unless a kind
 *           needs one
 * sequences number of texts; their numbers below are those of sequences in both contexts
 * longest   maximum number of tokens in a draft
 * ngram     length of the n-gram that is looked up in the text, in tokens
 * least     minimum probability of a drafted token; a draft ends before the first token below it
 */
BIGLLAMA_API struct bigllama_speculation * bigllama_speculation_create(
    const char * types, struct llama_context * target, struct llama_context * draft, int sequences, int longest,
    int ngram, float least, char ** error);

BIGLLAMA_API void bigllama_speculation_free(struct bigllama_speculation * speculation);

/* Starts a new answer. Returns 0, or -1 and an error. */
BIGLLAMA_API int bigllama_speculation_begin(
    struct bigllama_speculation * speculation, int sequence, const int32_t * prompt, int count, char ** error);

/*
 * Has layers that predict further tokens (MTP) compute what the target has just computed. Returns 0, or -1 and an
 * error; the next drafts are worse then.
 */
BIGLLAMA_API int bigllama_speculation_follow(
    struct bigllama_speculation * speculation, const struct llama_batch * batch, char ** error);

/*
 * Drafts tokens that may follow tokens[0..count) and last; the contexts have computed all of these but last. Writes at
 * most `most` tokens to draft and returns their number, or -1 and an error.
 */
BIGLLAMA_API int bigllama_speculation_draft(
    struct bigllama_speculation * speculation, int sequence, const int32_t * tokens, int count, int last, int most,
    int32_t * draft, char ** error);

/* Reports how many tokens of the previous draft were accepted. Returns 0, or -1 and an error. */
BIGLLAMA_API int bigllama_speculation_accept(
    struct bigllama_speculation * speculation, int sequence, int count, char ** error);

/* Computes a batch instead of llama_decode, and returns what that does. */
typedef int32_t (*bigllama_decode_callback)(struct llama_context * context, struct llama_batch * batch);

/* A ggml_backend_sched_eval_callback. */
typedef bool (*bigllama_eval_callback)(struct ggml_tensor * node, bool ask, void * data);

/*
 * llama.cpp's HTTP server, of which one runs at a time.
 *
 * options options of llama-server
 */
BIGLLAMA_API struct bigllama_server * bigllama_server_create(int count, const char * const * options, char ** error);

BIGLLAMA_API void bigllama_server_free(struct bigllama_server * server);

/*
 * Returns an object: "model" (empty if the options name none), "ctx_size", "parallel", "batch_size", "ubatch_size",
 * "cache_type_k", "cache_type_v", "flash_attn" (of llama.cpp's enums), "embedding"
 */
BIGLLAMA_API char * bigllama_server_describe(const struct bigllama_server * server, char ** error);

/*
 * Serves a model, which stays the caller's, until bigllama_server_stop. Returns 0, or -1 and an error.
 *
 * path   the file that it came from, which clients see
 * eval   the eval callback of the server's context; NULL for none
 * decode computes each batch, on the calling thread
 */
BIGLLAMA_API int bigllama_server_run(
    struct bigllama_server * server, struct llama_model * model, const char * path, bigllama_eval_callback eval,
    bigllama_decode_callback decode, char ** error);

/* Returns the addresses of a running server, separated by commas; an empty text before it is ready. Thread-safe. */
BIGLLAMA_API char * bigllama_server_addresses(const struct bigllama_server * server);

/* Has a running server end; does nothing before it is ready. Thread-safe. */
BIGLLAMA_API void bigllama_server_stop(const struct bigllama_server * server);

/*
 * Loads a projector (mmproj), which makes embeddings of images and sounds for a model. Used by one thread at a time;
 * freed before the model.
 *
 * threads number of threads that compute
 * gpu     whether it is computed on a GPU, if there is one
 */
BIGLLAMA_API struct bigllama_projector * bigllama_projector_create(
    const char * path, const struct llama_model * model, int threads, bool gpu, char ** error);

BIGLLAMA_API void bigllama_projector_free(struct bigllama_projector * projector);

/* Returns an object: "vision", "audio", and "dimensions", the number of positions of each embedding (4 for M-RoPE) */
BIGLLAMA_API char * bigllama_projector_describe(const struct bigllama_projector * projector, char ** error);

/*
 * Decodes the bytes of a file with an image (JPEG, PNG, GIF, BMP …) or a sound (WAV, MP3, FLAC), and splits it into
 * chunks. What is too large is refused before it is decoded.
 */
BIGLLAMA_API struct bigllama_media * bigllama_media_create(
    struct bigllama_projector * projector, const uint8_t * bytes, int64_t length, char ** error);

BIGLLAMA_API void bigllama_media_free(struct bigllama_media * media);

/*
 * Returns an array of the chunks, in the order in which a model is given them. Those of text, which mark where an image
 * begins and ends, have "tokens". Others have "cells", the number of their embeddings; "positions", how far the next
 * token is from the first of them; and "causal", whether an embedding sees only those before it.
 */
BIGLLAMA_API char * bigllama_media_describe(
    const struct bigllama_projector * projector, const struct bigllama_media * media, char ** error);

/* Computes the embeddings of a chunk: its cells times llama_model_n_embd_inp floats. Returns 0, or -1 and an error. */
BIGLLAMA_API int bigllama_media_encode(
    struct bigllama_projector * projector, const struct bigllama_media * media, int chunk, float * embeddings,
    char ** error);

/*
 * The positions of the cells of a chunk, of which the first has the position `first`. Writes dimensions times cells
 * numbers, one dimension after the other. Returns 0, or -1 and an error.
 */
BIGLLAMA_API int bigllama_media_positions(
    const struct bigllama_projector * projector, const struct bigllama_media * media, int chunk, int32_t first,
    int32_t * positions, char ** error);

/*
 * The bytes of a context's buffers on all devices: those of its memory (KV cache and recurrent states), and those for
 * the computation of a micro-batch. With a model loaded with no_alloc they are only counted, not allocated.
 */
BIGLLAMA_API void bigllama_context_memory(const struct llama_context * context, int64_t * cache, int64_t * compute);

/*
 * Multiplies inputs with chosen experts as ggml_mul_mat_id does on the CPU; the experts may be anywhere in memory. For
 * one node of a graph at a time, and for the thread that computes it; freed when no node is entered.
 */
BIGLLAMA_API struct bigllama_experts * bigllama_experts_create(char ** error);

BIGLLAMA_API void bigllama_experts_free(struct bigllama_experts * experts);

/*
 * Has a node of ggml_mul_mat_id be computed once with experts at these addresses, one for each that was chosen, token
 * after token. Each has rows at the distances that the node's weight has. Returns 0, or -1 and an error.
 */
BIGLLAMA_API int bigllama_experts_enter(
    struct bigllama_experts * experts, struct ggml_tensor * node, const int64_t * slices, int count, char ** error);

/* Has a node be what it was before it was entered; does nothing if another node has its memory now. */
BIGLLAMA_API void bigllama_experts_leave(struct bigllama_experts * experts, struct ggml_tensor * node);

/* A ggml_abort_callback whose data is a pointer to a byte: the computation is aborted once that byte is nonzero. */
BIGLLAMA_API bool bigllama_abort_if_set(void * flag);

/* A ggml_log_callback that discards the message. */
BIGLLAMA_API void bigllama_log_nothing(int level, const char * text, void * data);

BIGLLAMA_API void bigllama_text_free(char * text);

#ifdef __cplusplus
}
#endif

#endif
