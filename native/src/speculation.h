#ifndef BIGLLAMA_SPECULATION_H
#define BIGLLAMA_SPECULATION_H

#include "speculative.h"

/* Drafts the next tokens of one sequence with llama.cpp's common_speculative. */
class speculation {
public:
    speculation(
        const char * types, llama_context * target, llama_context * draft, int longest, int ngram, float least);

    void begin(const llama_token * prompt, int count);

    int draft(const llama_token * tokens, int count, llama_token last, int most, llama_token * result);

    void accept(int count);

private:
    int longest;
    llama_tokens known;
    llama_tokens drafted;
    common_speculative_ptr kinds;
};

#endif
