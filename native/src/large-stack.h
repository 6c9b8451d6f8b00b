/* Templates, schemas and replies are read by functions that call themselves, and Java's threads have small stacks. */
#ifndef LARGE_STACK_H
#define LARGE_STACK_H

#include <functional>

/*
 * Runs a function on a thread with a large stack and the locale C, and waits for it; such threads are kept for the next
 * call. Throws where the system has no such thread; what the function throws would end the process.
 */
void on_large_stack(const std::function<void()> & function);

#endif
