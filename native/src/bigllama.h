/*
 * What bigllama needs of llama.cpp's `common`, which is C++: chat templates, the syntax of replies, grammars, and
 * speculation. Texts are UTF-8 and end with NUL; requests and results are JSON.
 *
 * No exception leaves a function. One that fails returns NULL and sets *error to a text. Results and errors
 * are freed with bigllama_text_free. Templates may be used by one thread at a time; the rest is thread-safe.
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

struct llama_context;
struct llama_model;
struct llama_token_data;
struct llama_token_data_array;
struct llama_vocab;
struct bigllama_grammar;
struct bigllama_speculation;
struct bigllama_templates;

/*
 * The chat template of a model.
 *
 * model  may be NULL: then begin and end are the texts of the tokens of that name
 * source the Jinja source of another template; NULL for the model's own, or ChatML if it has none
 */
BIGLLAMA_API struct bigllama_templates * bigllama_templates_create(
    const struct llama_model * model, const char * source, const char * begin, const char * end, char ** error);

BIGLLAMA_API void bigllama_templates_free(struct bigllama_templates * templates);

/* An object: "source", "supports_thinking", and what llama.cpp knows of what the template can. */
BIGLLAMA_API char * bigllama_templates_describe(const struct bigllama_templates * templates, char ** error);

/*
 * Writes a conversation.
 *
 * request an object: "messages" and "tools" as in OpenAI's interface; and if wanted "tool_choice" (auto, none,
 *         required), "parallel_tool_calls", "json_schema" (an object), "add_generation_prompt",
 *         "enable_thinking", "now" (seconds since 1970), "begin_content" (true: the prompt ends where the content
 *         of the reply begins, behind reasoning that the template would open)
 * result  an object: "prompt", "grammar", "grammar_lazy", "grammar_triggers", "preserved_tokens",
 *         "additional_stops", "supports_thinking", and "syntax", which is for bigllama_reply_parse
 */
BIGLLAMA_API char * bigllama_templates_apply(
    const struct bigllama_templates * templates, const char * request, char ** error);

/*
 * Takes a reply apart.
 *
 * syntax  what bigllama_templates_apply gave, as text
 * partial not 0 while more of the reply is to come
 * result  a message as in OpenAI's interface: "content", "reasoning_content", "tool_calls"
 */
BIGLLAMA_API char * bigllama_reply_parse(const char * syntax, const char * text, int partial, char ** error);

/* The GBNF grammar of texts that are JSON of a schema. */
BIGLLAMA_API char * bigllama_schema_to_grammar(const char * schema, char ** error);

/*
 * Says what is wrong with a GBNF grammar (rule root): also what llama.cpp would take without end, or abort on.
 * Returns 1 if nothing is, else 0. Texts of tokens are looked at only by bigllama_grammar_create.
 */
BIGLLAMA_API int bigllama_grammar_check(const char * grammar, char ** error);

/*
 * What may follow in a text of a GBNF grammar (rule root). Used by one thread at a time.
 *
 * triggers NULL if it holds from the beginning on; else what bigllama_templates_apply gave, as text: then it begins
 *          after one of them, if the text goes on as the grammar has it
 */
BIGLLAMA_API struct bigllama_grammar * bigllama_grammar_create(
    const struct llama_vocab * vocab, const char * grammar, const char * triggers, char ** error);

BIGLLAMA_API void bigllama_grammar_free(struct bigllama_grammar * grammar);

/*
 * Gives candidates that can't follow the logit -INFINITY. Returns how many others there are, or -1 and an error.
 */
BIGLLAMA_API int bigllama_grammar_apply(
    const struct bigllama_grammar * grammar, struct llama_token_data_array * candidates, char ** error);

/* Goes on with a token. Returns the grammar. */
BIGLLAMA_API struct bigllama_grammar * bigllama_grammar_accept(
    struct bigllama_grammar * grammar, int token, char ** error);

/*
 * Makes candidates of all tokens, as llama_sampler_sample does from the outputs of a context; none is selected. Returns
 * whether no logit is NaN or INFINITY, on which samplers end the process.
 *
 * room   for count candidates; lives as long as they do
 * logits of count tokens
 */
BIGLLAMA_API bool bigllama_candidates_fill(
    struct llama_token_data_array * candidates, struct llama_token_data * room, const float * logits, int count);

/*
 * Guesses how a text goes on, so that several tokens are computed in one pass over the weights. Used by one thread at a
 * time; it is freed before its contexts.
 *
 * types   llama.cpp's names of the kinds, separated by commas: the first that has a guess is asked (ngram-simple,
 *         draft-simple …)
 * target  the context whose model decides
 * draft   the context of the model that guesses; NULL unless a kind needs one
 * longest most tokens of a draft
 * ngram   tokens at the end of a text that must have occurred before, for kinds that look at the text
 * least   a draft ends where the model that guesses gives its best token a smaller probability
 */
BIGLLAMA_API struct bigllama_speculation * bigllama_speculation_create(
    const char * types, struct llama_context * target, struct llama_context * draft, int longest, int ngram,
    float least, char ** error);

BIGLLAMA_API void bigllama_speculation_free(struct bigllama_speculation * speculation);

/* A new answer begins. Returns 0, or -1 and an error. */
BIGLLAMA_API int bigllama_speculation_begin(
    struct bigllama_speculation * speculation, const int32_t * prompt, int count, char ** error);

/*
 * Guesses what follows a text whose tokens, but for the last one, the contexts know. Returns how many tokens it has
 * written to draft, at most most; or -1 and an error.
 */
BIGLLAMA_API int bigllama_speculation_draft(
    struct bigllama_speculation * speculation, const int32_t * tokens, int count, int last, int most, int32_t * draft,
    char ** error);

/* So many tokens of the draft before were right. Returns 0, or -1 and an error. */
BIGLLAMA_API int bigllama_speculation_accept(struct bigllama_speculation * speculation, int count, char ** error);

/*
 * Bytes that a context takes in buffers of all devices: with keys, values and recurrent states, and with what a
 * micro-batch computes. They are counted, not taken, if its model was loaded with no_alloc.
 */
BIGLLAMA_API void bigllama_context_memory(const struct llama_context * context, int64_t * cache, int64_t * compute);

/* A ggml_abort_callback whose data is a byte: a computation ends once that is not 0. */
BIGLLAMA_API bool bigllama_abort_if_set(void * flag);

/* A ggml_log_callback that does nothing. */
BIGLLAMA_API void bigllama_log_nothing(int level, const char * text, void * data);

BIGLLAMA_API void bigllama_text_free(char * text);

#ifdef __cplusplus
}
#endif

#endif
