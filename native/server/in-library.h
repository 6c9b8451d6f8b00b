/*
 * Included (-include) before the first line of llama.cpp's files that are only used by its server, and which would end
 * the process where a library has to report an error.
 */
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "ggml.h"

[[noreturn]] void bigllama_exit(int status);
[[noreturn]] void bigllama_failed(const char * what);

/* Some call it std::exit. */
namespace std {
using ::bigllama_exit;
}

#define exit bigllama_exit
#undef GGML_ABORT
#define GGML_ABORT(...) bigllama_failed("llama.cpp failed at " __FILE__)
#undef GGML_ASSERT
#define GGML_ASSERT(condition) ((condition) ? (void) 0 : bigllama_failed("llama.cpp expects " #condition))

/* Only of options: what is printed is the reason why one is wrong. */
#ifdef BIGLLAMA_PRINTS
int bigllama_fprintf(FILE * stream, const char * format, ...);
#define fprintf bigllama_fprintf
#endif

/* Only of requests: JSON must not be nested so deep that functions that call themselves overflow the stack. */
#ifdef BIGLLAMA_READS_REQUESTS
#include "common.h"
#include "sampling.h"
#include "speculative.h"
#include "server-chat.h"
#include "server-common.h"
#include "server-context.h"
#include "server-http.h"
#include "server-queue.h"
#include "server-schema.h"
#include "server-stream.h"
#include "server-task.h"

const std::string & bigllama_bounded(const std::string & json);
#define parse(text) parse(bigllama_bounded(text))
#endif

/* Only of answers: clients repeat a request if they are told that the server has failed. */
#ifdef BIGLLAMA_ANSWERS_ERRORS
#include "server-context.h"
#include "server-http.h"
#include "server-models.h"
#include "server-stream.h"
#include "server-tools.h"
/* Needs some of the others. */
#include "server-cors-proxy.h"

/* The kind of the exception that is being handled. */
error_type bigllama_kind_of_error();
#define ERROR_TYPE_SERVER bigllama_kind_of_error()
#endif

/* Only of images: a small file may be one that is large when it is unpacked. */
#ifdef BIGLLAMA_READS_IMAGES
void * bigllama_image_realloc(void * old, size_t bytes);

#define STBI_MALLOC(bytes) bigllama_image_realloc(nullptr, bytes)
#define STBI_REALLOC(old, bytes) bigllama_image_realloc(old, bytes)
#define STBI_FREE(old) free(old)
#endif
