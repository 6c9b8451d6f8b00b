/*
 * Bounds how deep a chat template goes: it comes with a model, from anywhere, and llama.cpp runs it as it is. One
 * that calls itself would overflow the stack, and end the process.
 */
#ifndef TEMPLATE_LIMITS_H
#define TEMPLATE_LIMITS_H

#include <cstddef>

/* As long as it lives, a template that uses more than so many bytes of this thread's stack fails with an exception. */
class template_limits {
public:
    explicit template_limits(size_t stack_bytes);
    ~template_limits();

    /* Whether a template of this thread has failed for that. */
    static bool are_exceeded();
};

#endif
