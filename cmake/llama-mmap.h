/*
 * Included before the first line of llama.cpp's src/llama-mmap.cpp, and of nothing else (-include).
 *
 * llama.cpp maps a model with MAP_POPULATE: the whole file is read before the first token, also where it
 * is larger than memory and its beginning is gone again when its end arrives. What is to be in memory and
 * when is decided in Java. The system's header comes first, so that it can't define the names again.
 */
#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

#ifdef MAP_POPULATE
#undef MAP_POPULATE
#define MAP_POPULATE 0
#endif

/* Elsewhere this reads some megabytes ahead; on macOS it waits for the whole file. */
#if defined(__APPLE__) && defined(POSIX_MADV_WILLNEED)
#undef POSIX_MADV_WILLNEED
#define POSIX_MADV_WILLNEED POSIX_MADV_NORMAL
#endif
