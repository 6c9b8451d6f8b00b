/*
 * Included (-include) before the first line of files of llama.cpp that would end the process or write to its stderr,
 * where a library has to report an error.
 */
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

[[noreturn]] void bigllama_exit(int status);
int bigllama_fprintf(FILE * stream, const char * format, ...);

#define exit bigllama_exit
#define fprintf bigllama_fprintf
