#include "template-limits.h"

#include <cstdint>
#include <exception>
#include <stdexcept>

namespace {

/* Stacks grow downwards: an address below is too deep. */
thread_local uintptr_t lowest = 0;

thread_local bool exceeded = false;

uintptr_t stack_pointer() {
    return reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
}

} // namespace

template_limits::template_limits(size_t stack_bytes) {
    lowest = stack_pointer() - stack_bytes;
    exceeded = false;
}

template_limits::~template_limits() {
    lowest = 0;
}

bool template_limits::are_exceeded() {
    return exceeded;
}

/*
 * What of llama.cpp reads and runs templates is compiled with -finstrument-functions, which has each function call
 * these. They may throw, but from destructors.
 */
extern "C" {

void __cyg_profile_func_enter(void *, void *) {
    if (stack_pointer() < lowest && std::uncaught_exceptions() == 0) {
        exceeded = true;
        throw std::runtime_error("it calls itself without end, or is nested too deep");
    }
}

void __cyg_profile_func_exit(void *, void *) {}

} // extern "C"
