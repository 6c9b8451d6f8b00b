/*
 * Included (-include) before the first line of llama.cpp's server-http.cpp, and nowhere else.
 *
 * When the server ends, requests would wait for results that never come as long as their clients do. So they are
 * treated as if their clients had gone.
 */
#include <functional>

#include "cpp-httplib/httplib.h"

/* Has a request's function tell whether the client has gone, or the server is ending; returns it. */
const std::function<bool()> & bigllama_gone_or_ending(const std::function<bool()> & gone);

#define is_connection_closed \
    is_connection_closed ? bigllama_gone_or_ending(req.is_connection_closed) : req.is_connection_closed
