/*
 * Bounds what llama.cpp does with a chat template or a grammar: both come from anywhere, with a model or with a request,
 * and llama.cpp takes them as they are. A template that calls itself would overflow the stack, and end the process; a
 * grammar that can be read in ever more ways takes all memory.
 */
#ifndef CALL_LIMITS_H
#define CALL_LIMITS_H

#include <cstddef>

/* As long as it lives, instrumented code of this thread that goes beyond it fails with an exception. */
class call_limits {
public:
    /*
     * stack_bytes 0 for no limit
     * seconds     of computing; 0 for no limit
     */
    call_limits(size_t stack_bytes, double seconds);
    ~call_limits();

    call_limits(const call_limits &) = delete;
    call_limits & operator=(const call_limits &) = delete;

    /* Whether a call of this thread has failed because it went too deep; for code that tells nobody of exceptions. */
    static bool is_too_deep();
};

#endif
