/*
 * Limits the work that a chat template or a grammar can cause. Both come from untrusted models and requests, and
 * llama.cpp does not limit them: a template that calls itself overflows the stack and ends the process, and an ambiguous
 * grammar exhausts memory.
 */
#ifndef CALL_LIMITS_H
#define CALL_LIMITS_H

#include <cstddef>

/* While an instance exists, instrumented code that exceeds the limits on this thread throws an exception. */
class call_limits {
public:
    /*
     * stack_bytes size of the stack below the caller, in bytes; 0 for no limit
     * seconds     CPU time of this thread; 0 for no limit
     */
    call_limits(size_t stack_bytes, double seconds);
    ~call_limits();

    call_limits(const call_limits &) = delete;
    call_limits & operator=(const call_limits &) = delete;

    /* Whether a call on this thread failed by going too deep; for code that swallows exceptions. */
    static bool is_too_deep();
};

#endif
