/*
 * Included (-include) before the first line of llama.cpp's server-http.cpp, and nowhere else.
 */
#include <functional>

#include "cpp-httplib/httplib.h"

/*
 * When the server ends, requests would wait for results that never come as long as their clients do. So they are
 * treated as if their clients had gone.
 *
 * Has a request's function tell whether the client has gone, or the server is ending; returns it.
 */
const std::function<bool()> & bigllama_gone_or_ending(const std::function<bool()> & gone);

#define is_connection_closed \
    is_connection_closed ? bigllama_gone_or_ending(req.is_connection_closed) : req.is_connection_closed

/*
 * When a stream ends, llama.cpp returns what cpp-httplib takes for a failure: it closes the connection, without having
 * said so in the header, and the next request that a client sends over it is lost. So its end is a success.
 */
template <typename Provider> auto bigllama_ended_well(const Provider & provider) {
    return [provider](size_t offset, httplib::DataSink & sink) {
        bool ended = false;
        const std::function<void()> done = sink.done;
        sink.done = [&] {
            ended = true;
            done();
        };
        const bool has_next = provider(offset, sink);
        sink.done = done;
        return has_next || ended;
    };
}

#define set_chunked_content_provider(type, provider, on_complete) \
    set_chunked_content_provider(type, bigllama_ended_well(provider), on_complete)
