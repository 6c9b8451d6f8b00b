/*
 * Included (-include) before the first line of llama.cpp's src/llama-mmap.cpp, and nowhere else.
 *
 * llama.cpp maps a model with MAP_POPULATE, which reads the whole file before the first token, even if the
 * file is larger than memory and its beginning is evicted before its end arrives. Java decides what is in
 * memory, and when. The system's header is included first, so that it can't define the names again.
 */
#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

#ifdef MAP_POPULATE
#undef MAP_POPULATE
#define MAP_POPULATE 0
#endif

/* On other systems this reads a few megabytes ahead; on macOS it waits for the whole file. */
#if defined(__APPLE__) && defined(POSIX_MADV_WILLNEED)
#undef POSIX_MADV_WILLNEED
#define POSIX_MADV_WILLNEED POSIX_MADV_NORMAL
#endif
