/* GBNF grammars, checked when they are created and bounded while they are used. */
#ifndef GRAMMAR_H
#define GRAMMAR_H

#include <memory>
#include <string>
#include <vector>

#include "common.h"
#include "llama.h"

struct llama_grammar;

/*
 * The state of a grammar (start rule root) within a text. The constructor throws if the grammar is bad, including where
 * llama.cpp would end the process, exhaust memory or never return.
 *
 * A grammar with triggers applies after one of them, like llama.cpp's lazy grammars; but text that looks like a trigger
 * and does not continue as the grammar demands remains plain text.
 */
class grammar {
public:
    /* triggers nullptr if the grammar applies from the start */
    grammar(const llama_vocab * vocab, const char * source, const std::vector<common_grammar_trigger> * triggers);
    ~grammar();

    /* Throws if the grammar is bad, as far as that can be told without a vocabulary. */
    static void check(const char * source);

    /* Sets the logits of tokens that are not allowed next to -INFINITY; returns how many are allowed. */
    size_t apply(llama_token_data_array & candidates) const;

    /* Whether accept may need a large stack now, because it searches for triggers with std::regex, which recurses. */
    bool is_recursive() const;

    /* Advances by a token. Throws if the token is not allowed. */
    void accept(llama_token token);

private:
    struct state;
    const std::unique_ptr<state> self;
};

#endif
