/* GBNF grammars: checked when they are made, bounded while they are used. */
#ifndef GRAMMAR_H
#define GRAMMAR_H

#include <memory>
#include <string>
#include <vector>

#include "common.h"
#include "llama.h"

struct llama_grammar;

/*
 * What may follow in a text of a grammar (rule root). Throws what is wrong with a grammar, also where llama.cpp would end
 * the process, take all memory or never end.
 *
 * One with triggers begins to hold after one of them, as llama.cpp's lazy grammars do; but what looks like a trigger and
 * does not go on as the grammar has it is text.
 */
class grammar {
public:
    /* triggers nullptr if it holds from the beginning on */
    grammar(const llama_vocab * vocab, const char * source, const std::vector<common_grammar_trigger> * triggers);
    ~grammar();

    /* Throws what is wrong with a grammar, as far as it can be told without a vocabulary. */
    static void check(const char * source);

    /* Gives tokens that can't follow the logit -INFINITY; returns how many others there are. */
    size_t apply(llama_token_data_array & candidates) const;

    /* Whether accept may need a large stack now: std::regex looks for triggers. */
    bool is_recursive() const;

    /* Goes on with a token. Throws if it can't follow. */
    void accept(llama_token token);

private:
    struct state;
    const std::unique_ptr<state> self;
};

#endif
