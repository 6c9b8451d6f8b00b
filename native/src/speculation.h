#ifndef BIGLLAMA_SPECULATION_H
#define BIGLLAMA_SPECULATION_H

#include <vector>

#include "speculative.h"

/* Drafts the next tokens of sequences with llama.cpp's common_speculative. */
class speculation {
public:
    speculation(
        const char * types, llama_context * target, llama_context * draft, int sequences, int longest, int ngram,
        float least);

    void begin(int sequence, const llama_token * prompt, int count);

    bool follow(const llama_batch & batch);

    int draft(
        int sequence, const llama_token * tokens, int count, llama_token last, int most, llama_token * result);

    void accept(int sequence, int count);

private:
    void align(llama_seq_id sequence, llama_pos position) const;

    int longest;
    /* The memory of the context that follows the target's batches; null if none does. */
    llama_memory_t follower = nullptr;
    std::vector<bool> drafts;
    llama_tokens known;
    llama_tokens drafted;
    common_speculative_ptr kinds;
};

#endif
