/* What the C functions of bigllama.h have in common: no exception leaves them, and texts are copied for the caller. */
#ifndef BIGLLAMA_CALLS_H
#define BIGLLAMA_CALLS_H

#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

inline char * copy(const std::string & text) {
    char * result = static_cast<char *>(std::malloc(text.size() + 1));
    if (result != nullptr) {
        std::memcpy(result, text.c_str(), text.size() + 1);
    }
    return result;
}

/* Runs what may throw. */
template <typename F> auto caught(std::string & message, F function) -> decltype(function()) {
    try {
        return function();
    } catch (const std::exception & e) {
        message = e.what();
    } catch (...) {
        message = "unknown failure";
    }
    return {};
}

inline void tell(char ** error, const std::string & message) {
    if (error != nullptr) {
        *error = copy(message);
    }
}

/* Runs what may throw and gives a pointer; else gives NULL and an error. */
template <typename F> auto told(char ** error, F function) -> decltype(function()) {
    std::string message;
    auto * result = caught(message, function);
    if (result == nullptr) {
        tell(error, message);
    }
    return result;
}

/* Runs what may throw and gives a number that is not negative; else gives -1. */
template <typename F> int counted(char ** error, F function) {
    std::string message;
    const int result = caught(message, [&] { return function() + 1; });
    if (result == 0) {
        tell(error, message);
    }
    return result - 1;
}

#endif
