#include "call-limits.h"

#include <time.h>

#include <cstdint>
#include <exception>
#include <stdexcept>

namespace {

/* Stacks grow downwards: an address below is too deep. */
thread_local uintptr_t lowest = 0;

/* When the thread will have computed too long; 0 for never. */
thread_local double latest = 0;

/* The clock is looked at once in so many calls. */
constexpr uint32_t CALLS = 4096;
thread_local uint32_t calls = 0;

thread_local bool too_deep = false;

uintptr_t stack_pointer() {
    return reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
}

/* What the thread has computed, in seconds: others may keep it waiting. */
double computed() {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

} // namespace

call_limits::call_limits(size_t stack_bytes, double seconds) {
    lowest = stack_bytes == 0 ? 0 : stack_pointer() - stack_bytes;
    latest = seconds == 0 ? 0 : computed() + seconds;
    too_deep = false;
}

call_limits::~call_limits() {
    lowest = 0;
    latest = 0;
}

bool call_limits::is_too_deep() {
    return too_deep;
}

/*
 * What of llama.cpp reads and runs templates and grammars is compiled with -finstrument-functions, which has each
 * function call these. They may throw, but from destructors.
 */
extern "C" {

void __cyg_profile_func_enter(void *, void *) {
    if (stack_pointer() < lowest && std::uncaught_exceptions() == 0) {
        too_deep = true;
        throw std::runtime_error("it calls itself without end, or is nested too deep");
    }
    if (latest > 0 && ++calls % CALLS == 0 && std::uncaught_exceptions() == 0 && computed() > latest) {
        throw std::runtime_error("it can be read in too many ways");
    }
}

void __cyg_profile_func_exit(void *, void *) {}

} // extern "C"
