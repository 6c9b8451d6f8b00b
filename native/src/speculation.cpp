#include "speculation.h"

#include "speculative.h"

speculation::speculation(
    const char * types, llama_context * target, llama_context * draft, int longest, int ngram, float least)
    : longest(longest) {
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
    kinds.reset(common_speculative_init(params, 1));
    if (!kinds) {
        throw std::runtime_error(std::string("no kind of speculation in '") + types + "'");
    }
}

void speculation::begin(const llama_token * prompt, int count) {
    common_speculative_begin(kinds.get(), 0, llama_tokens(prompt, prompt + count));
}

int speculation::draft(const llama_token * tokens, int count, llama_token last, int most, llama_token * result) {
    known.assign(tokens, tokens + count);
    drafted.clear();
    auto & params = common_speculative_get_draft_params(kinds.get(), 0);
    params.drafting = true;
    params.n_max = std::min(most, longest);
    params.pos0 = count;
    params.id_last = last;
    params.prompt = &known;
    params.result = &drafted;
    common_speculative_draft(kinds.get());
    const int drafts = std::min<int>(static_cast<int>(drafted.size()), most);
    std::copy_n(drafted.begin(), drafts, result);
    return drafts;
}

void speculation::accept(int count) {
    common_speculative_accept(kinds.get(), 0, static_cast<uint16_t>(count));
}
