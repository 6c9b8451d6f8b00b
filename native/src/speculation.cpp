#include "speculation.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "speculative.h"

speculation::speculation(
    const char * types, llama_context * target, llama_context * draft, int sequences, int longest, int ngram,
    float least)
    : longest(longest), drafts(static_cast<size_t>(sequences)) {
    common_params_speculative params;
    params.types = common_speculative_types_from_names({ types });
    params.draft.ctx_tgt = target;
    params.draft.ctx_dft = draft;
    params.draft.n_max = longest;
    params.draft.p_min = least;
    params.draft.backend_sampling = false;
    for (auto * map : { &params.ngram_simple, &params.ngram_map_k, &params.ngram_map_k4v }) {
        map->size_n = static_cast<uint16_t>(ngram);
        map->size_m = static_cast<uint16_t>(longest);
    }
    kinds.reset(common_speculative_init(params, static_cast<uint32_t>(sequences)));
    if (!kinds) {
        throw std::runtime_error(std::string("no kind of speculation in '") + types + "'");
    }
    if (std::find(params.types.begin(), params.types.end(), COMMON_SPECULATIVE_TYPE_DRAFT_MTP) != params.types.end()) {
        follower = llama_get_memory(draft);
    }
}

void speculation::begin(int sequence, const llama_token * prompt, int count) {
    common_speculative_begin(kinds.get(), sequence, llama_tokens(prompt, prompt + count));
}

/*
 * Has the follower hold nothing from a position on, and everything before it or nothing: llama.cpp computes no batch
 * that leaves a gap. Drafts after nothing are worse, and no less right.
 */
void speculation::align(llama_seq_id sequence, llama_pos position) const {
    const llama_pos last = llama_memory_seq_pos_max(follower, sequence);
    if (last >= position) {
        llama_memory_seq_rm(follower, sequence, position, -1);
    } else if (last < position - 1) {
        llama_memory_seq_rm(follower, sequence, -1, -1);
    }
}

bool speculation::follow(const llama_batch & batch) {
    if (batch.token == nullptr) {
        return true;
    }
    llama_seq_id former = -1;
    for (int32_t i = 0; i < batch.n_tokens; i++) {
        const llama_seq_id sequence = batch.seq_id[i][0];
        if (sequence != former) {
            align(sequence, batch.pos[i]);
            former = sequence;
        }
    }
    return common_speculative_process(kinds.get(), batch);
}

int speculation::draft(
    int sequence, const llama_token * tokens, int count, llama_token last, int most, llama_token * result) {
    known.assign(tokens, tokens + count);
    drafted.clear();
    if (follower != nullptr) {
        align(sequence, count);
    }
    auto & params = common_speculative_get_draft_params(kinds.get(), sequence);
    params.drafting = true;
    params.n_max = std::min(most, longest);
    params.pos0 = count;
    params.id_last = last;
    params.prompt = &known;
    params.result = &drafted;
    common_speculative_draft(kinds.get());
    const int found = std::min<int>(static_cast<int>(drafted.size()), most);
    std::copy_n(drafted.begin(), found, result);
    drafts[sequence] = found > 0;
    return found;
}

void speculation::accept(int sequence, int count) {
    if (drafts[sequence]) {
        common_speculative_accept(kinds.get(), sequence, static_cast<uint16_t>(count));
    }
}
