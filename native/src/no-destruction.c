/*
 * Compiled into each of our libraries, where it takes the place of the C library's function: static C++ objects are never
 * destroyed. When a JVM exits, threads may still be computing, and would use what is destroyed under them.
 */
int __cxa_atexit(void (*destructor)(void *), void * object, void * library);

__attribute__((visibility("hidden"))) int __cxa_atexit(void (*destructor)(void *), void * object, void * library) {
    (void) destructor;
    (void) object;
    (void) library;
    return 0;
}
