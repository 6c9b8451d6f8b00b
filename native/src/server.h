/* llama.cpp's HTTP server inside this process: what its program does, without its signals, exits and prints. */
#pragma once

#include <string>
#include <vector>

#include "bigllama.h"
#include "common.h"
#include "json.h"
#include "llama.h"

class server {
  public:
    /* Reads the options of llama-server. */
    explicit server(const std::vector<std::string> & options);

    /* What the options say about the context and the addresses. */
    common_json describe() const;

    /* Serves a model, which stays the caller's and came from this file, until stop(). */
    void run(llama_model * model, const std::string & path, ggml_backend_sched_eval_callback eval, bigllama_decode_callback decode);

    /* The addresses, separated by commas; empty before it is ready. On any thread. */
    std::string addresses() const;

    /* Has it end, if it is ready. On any thread. */
    void stop() const;

  private:
    common_params params;
};
