/*
 * What bigllama needs of llama.cpp's `common`, which is C++: chat templates, the syntax of replies, and
 * grammars. Texts are UTF-8 and end with NUL; requests and results are JSON.
 *
 * No exception leaves a function. One that fails returns NULL and sets *error to a text. Results and errors
 * are freed with bigllama_text_free. Templates may be used by one thread at a time; the rest is thread-safe.
 */
#ifndef BIGLLAMA_H
#define BIGLLAMA_H

#if defined(__GNUC__)
#define BIGLLAMA_API __attribute__((visibility("default")))
#else
#define BIGLLAMA_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct llama_model;
struct llama_sampler;
struct llama_vocab;
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
 *         "enable_thinking", "now" (seconds since 1970)
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
 * A sampler that lets only tokens pass that go on in a text of a GBNF grammar (rule root), as
 * llama_sampler_init_grammar and llama_sampler_init_grammar_lazy_patterns make it.
 *
 * lazy not 0 if it is to begin only after one of the tokens, or what matches one of the patterns
 */
BIGLLAMA_API struct llama_sampler * bigllama_grammar_create(
    const struct llama_vocab * vocab, const char * grammar, int lazy, const char ** patterns, int pattern_count,
    const int * tokens, int token_count, char ** error);

/* llama_sampler_accept of such a sampler. Returns the sampler. */
BIGLLAMA_API struct llama_sampler * bigllama_grammar_accept(struct llama_sampler * grammar, int token, char ** error);

BIGLLAMA_API void bigllama_text_free(char * text);

#ifdef __cplusplus
}
#endif

#endif
