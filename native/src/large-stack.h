/* Templates, schemas and replies are parsed by recursive functions, and Java's threads have small stacks. */
#ifndef LARGE_STACK_H
#define LARGE_STACK_H

#include <functional>

/*
 * Runs a function on a thread with a large stack and the locale C, and waits for it. The threads are kept for later
 * calls. Throws if no such thread can be started. The function must not throw: that would end the process.
 */
void on_large_stack(const std::function<void()> & function);

#endif
