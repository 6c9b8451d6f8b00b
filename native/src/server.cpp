#include "server.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <functional>
#include <limits>
#include <mutex>
#include <new>
#include <stdexcept>
#include <system_error>

#include "arg.h"
#include "common-log.h"
#include "depth.h"
#include "grammar.h"
#include "log.h"
#include "server-common.h"
#include "server-http.h"
#include "server-stream.h"
#include "speculative.h"

/* Of llama.cpp's server.cpp, which has no header. Without argv it leaves signals and downloads alone. */
int llama_server(common_params & params, int argc, char ** argv);
void llama_server_terminate();

/* The real one: the macro makes destructors call bigllama_server_model_free. */
#undef llama_model_free
extern "C" void llama_model_free(struct llama_model * model);

namespace {

/* No context has more tokens; llama.cpp would make room for as many as a request asks to look back at. */
constexpr int32_t MOST_LAST = 1 << 20;

/* As llama.cpp tells the server that computing failed. */
constexpr int32_t NO_NUMBERS = -3;

constexpr float MOST_LOGIT = std::numeric_limits<float>::max();

/* Seconds that a client may take for the next bytes of a request; llama.cpp's hour lets idle clients fill it up. */
constexpr int32_t READ_TIMEOUT = 10;

/* Held by the server that is running: llama.cpp keeps one in static variables. */
std::mutex running;

std::mutex state;
const server * current = nullptr;
std::string listening;
std::string failure;
llama_model * served = nullptr;
std::string served_path;
bigllama_decode_callback computes = nullptr;
bool ranks = false;
bool embeds = false;

/* Whether the server that is running is to end. */
std::atomic<bool> ending{ false };

/* What the file that is being read with in-library.h printed last. */
thread_local std::string printed;

/* From "srv  llama_server: listening on http://127.0.0.1:8080" the address. */
void observe(int level, const std::string & text) {
    static const std::string mark = "listening on http";
    const size_t found = text.find(mark);
    const std::lock_guard<std::mutex> lock(state);
    if (found != std::string::npos && level == GGML_LOG_LEVEL_INFO) {
        const size_t begin = found + mark.size() - 4;
        listening += (listening.empty() ? "" : ",") + text.substr(begin, text.find_first_of(" \n", begin) - begin);
    } else if (level == GGML_LOG_LEVEL_ERROR) {
        if (failure.empty()) {
            // From "srv         start: couldn't bind" the reason.
            const size_t prefix = text.find(": ");
            const size_t begin = text.compare(0, 4, "srv ") == 0 && prefix < 24 ? prefix + 2 : 0;
            failure = text.substr(begin, text.find_last_not_of(" \n") + 1 - begin);
        }
    }
}

} // namespace

void bigllama_exit(int) {
    throw std::runtime_error(printed.empty() ? "this option prints something and ends the program" : printed);
}

void bigllama_failed(const char * what) {
    throw std::runtime_error(what);
}

const std::string & bigllama_bounded(const std::string & json) {
    try {
        require_depth("JSON", json.c_str(), "\"");
    } catch (const std::runtime_error & e) {
        // Which the server answers with 400.
        throw std::invalid_argument(e.what());
    }
    return json;
}

error_type bigllama_kind_of_error() {
    try {
        throw;
    } catch (const std::bad_alloc &) {
        return ERROR_TYPE_SERVER;
    } catch (const std::system_error &) {
        return ERROR_TYPE_SERVER;
    } catch (const std::exception &) {
        // What requests are computed with does not throw here: something is wrong with the request itself.
        return ERROR_TYPE_INVALID_REQUEST;
    } catch (...) {
        return ERROR_TYPE_SERVER;
    }
}

const std::function<bool()> & bigllama_gone_or_ending(const std::function<bool()> & gone) {
    // In place, because llama.cpp keeps a reference.
    auto & function = const_cast<std::function<bool()> &>(gone);
    function = [own = function] { return ending || own(); };
    return function;
}

int bigllama_fprintf(FILE *, const char * format, ...) {
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    const int length = std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printed += text;
    return length;
}

/* Whether all logits are numbers: llama.cpp would draw from others, and keep what they were computed from. */
static bool has_numbers(struct llama_context * context, const struct llama_batch & batch) {
    const int32_t count = llama_vocab_n_tokens(llama_model_get_vocab(llama_get_model(context)));
    for (int32_t i = 0; i < batch.n_tokens; i++) {
        if (batch.logits == nullptr || batch.logits[i] == 0) {
            continue;
        }
        const float * logits = llama_get_logits_ith(context, i);
        if (logits == nullptr) {
            return true;
        }
        float sum = 0;
        for (int32_t j = 0; j < count; j++) {
            sum += logits[j] * 0;
        }
        // Negative infinity forbids a token, and times 0 it is no number either.
        if (sum != 0 && std::any_of(logits, logits + count, [](float x) { return std::isnan(x) || x > MOST_LOGIT; })) {
            return false;
        }
    }
    return true;
}

/* Instead of llama_decode; see server/CMakeLists.txt. */
extern "C" int32_t bigllama_server_decode(struct llama_context * context, struct llama_batch batch) {
    const int32_t result = computes == nullptr ? llama_decode(context, batch) : computes(context, &batch);
    if (result != 0 || embeds || has_numbers(context, batch)) {
        return result;
    }
    // All that the batch has written; the server forgets the prompts when it is told of a failure.
    llama_memory_clear(llama_get_memory(context), true);
    return NO_NUMBERS;
}

/* Instead of llama_model_n_embd_out: a text has so many numbers, scores if the server ranks. */
extern "C" int32_t bigllama_server_numbers(const struct llama_model * model) {
    return ranks ? static_cast<int32_t>(llama_model_n_cls_out(model)) : llama_model_n_embd_out(model);
}

/* Instead of llama_model_load_from_file. */
extern "C" struct llama_model * bigllama_server_model(const char * path, struct llama_model_params params) {
    return served != nullptr && path == served_path ? served : llama_model_load_from_file(path, params);
}

/* Instead of llama_model_free. */
extern "C" void bigllama_server_model_free(struct llama_model * model) {
    if (model != served) {
        llama_model_free(model);
    }
}

/* Instead of llama_sampler_init_grammar. */
extern "C" struct llama_sampler * bigllama_server_grammar(
    const struct llama_vocab * vocab, const char * source, const char * root) {
    grammar::check(source);
    return llama_sampler_init_grammar(vocab, source, root);
}

/* Instead of llama_sampler_init_penalties. */
extern "C" struct llama_sampler * bigllama_server_penalties(
    int32_t vocabulary, int32_t last, float repeat, float frequency, float presence) {
    return llama_sampler_init_penalties(vocabulary, std::min(last, MOST_LAST), repeat, frequency, presence);
}

/* Instead of llama_sampler_init_dry. */
extern "C" struct llama_sampler * bigllama_server_dry(
    const struct llama_vocab * vocab, float multiplier, float base, int32_t allowed, int32_t last,
    const char ** breakers, size_t count) {
    return llama_sampler_init_dry(vocab, multiplier, base, allowed, std::min(last, MOST_LAST), breakers, count);
}

/* Instead of llama_backend_free. */
extern "C" void bigllama_server_ended(void) {}

server::server(const std::vector<std::string> & options) {
    std::vector<std::string> texts = options;
    std::vector<char *> argv;
    static char program[] = "llama-server";
    argv.push_back(program);
    for (auto & text : texts) {
        argv.push_back(&text[0]);
    }
    const int argc = static_cast<int>(argv.size());
    argv.push_back(nullptr);
    if (std::find(options.begin(), options.end(), "--rpc") != options.end()) {
        throw std::runtime_error("--rpc computes on other machines, which have no part of the weights that are kept here");
    }
    printed.clear();
    const bool is_read = common_params_parse(argc, argv.data(), params, LLAMA_EXAMPLE_SERVER);
    common_log_set_verbosity_thold(-1);
    if (!is_read) {
        throw std::runtime_error(printed);
    }
    if (params.timeout_read == common_params().timeout_read) {
        params.timeout_read = READ_TIMEOUT;
    }
}

common_json server::describe() const {
    common_json loras = common_json::array();
    for (const auto & lora : params.lora_adapters) {
        loras.push_back(common_json::object({ { "file", lora.path }, { "scale", lora.scale } }));
    }
    common_json vectors = common_json::array();
    for (const auto & vector : params.control_vectors) {
        vectors.push_back(common_json::object({ { "file", vector.fname }, { "scale", vector.strength } }));
    }
    common_json kinds = common_json::array();
    for (const auto kind : params.speculative.types) {
        kinds.push_back(common_speculative_type_to_str(kind));
    }
    return common_json::object({
        { "model", params.model.path + params.model.hf_repo + params.model.docker_repo + params.model.url },
        { "ctx_size", params.n_ctx },
        { "parallel", params.n_parallel },
        { "batch_size", params.n_batch },
        { "ubatch_size", params.n_ubatch },
        { "cache_type_k", static_cast<int>(params.cache_type_k) },
        { "cache_type_v", static_cast<int>(params.cache_type_v) },
        { "flash_attn", static_cast<int>(params.flash_attn_type) },
        { "embedding", params.embedding },
        { "loras", loras },
        { "control_vectors", vectors },
        { "control_vector_first", params.control_vector_layer_start },
        { "control_vector_last", params.control_vector_layer_end },
        { "draft", params.speculative.draft.mparams.path },
        { "spec_types", kinds },
        { "projector", params.mmproj.path },
        { "ranks", params.pooling_type == LLAMA_POOLING_TYPE_RANK },
    });
}

void server::run(
    llama_model * model, const std::string & path, ggml_backend_sched_eval_callback eval,
    bigllama_decode_callback decode) {
    const std::unique_lock<std::mutex> lock(running, std::try_to_lock);
    if (!lock.owns_lock()) {
        throw std::runtime_error("a server is running in this process already, and llama.cpp can run one");
    }
    {
        const std::lock_guard<std::mutex> guard(state);
        failure.clear();
        current = this;
        ending = false;
    }
    served = model;
    computes = decode;
    ranks = params.pooling_type == LLAMA_POOLING_TYPE_RANK;
    embeds = params.embedding;
    served_path = path;
    params.model.path = path;
    params.cb_eval = eval;
    // Java has decided what fits.
    params.fit_params = false;
    params.warmup = false;
    observe_common_log(observe);
    // Not less than by default: what is observed is at that level.
    common_log_set_verbosity_thold(std::max(common_log_get_verbosity_thold(), params.verbosity));
    server_stream_session_manager_start();
    std::string thrown;
    int result = 1;
    try {
        // Without argv, it leaves signals alone.
        result = llama_server(params, 0, nullptr);
    } catch (const std::exception & e) {
        thrown = e.what();
    } catch (...) {
        thrown = "unknown failure";
    }
    observe_common_log({});
    served = nullptr;
    computes = nullptr;
    const std::lock_guard<std::mutex> guard(state);
    listening.clear();
    current = nullptr;
    if (result != 0) {
        throw std::runtime_error(!thrown.empty() ? thrown : failure.empty() ? "llama.cpp's server failed" : failure);
    }
}

std::string server::addresses() const {
    const std::lock_guard<std::mutex> guard(state);
    return current == this ? listening : "";
}

void server::stop() const {
    const std::lock_guard<std::mutex> guard(state);
    if (current == this && !listening.empty()) {
        // Only once: llama.cpp's handler refers to variables of the call that is ending.
        listening.clear();
        ending = true;
        llama_server_terminate();
    }
}
