#include "call-limits.h"

#include <time.h>

#include <cstdint>
#include <exception>
#include <stdexcept>

namespace {

/* The lowest address that the stack, which grows downwards, may reach. */
thread_local uintptr_t lowest = 0;

/* The CPU time of the thread at which it has computed too long; 0 for no limit. */
thread_local double latest = 0;

/* The clock is read once per this many calls. */
constexpr uint32_t CALLS = 4096;
thread_local uint32_t calls = 0;

thread_local bool too_deep = false;

uintptr_t stack_pointer() {
    return reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
}

/* CPU time of this thread in seconds; wall time would count the time that others keep it waiting. */
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
 * The files of llama.cpp that parse and run templates and grammars are compiled with -finstrument-functions, so each of
 * their functions calls these. They may throw, except while the stack is unwound.
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
