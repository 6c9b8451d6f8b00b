#include "common-log.h"

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <vector>

#include "ggml.h"
#include "json.h"
#include "llama.h"
#include "log.h"

namespace {

/* What fails in a call of ours is told by exceptions; only a server logs. */
std::atomic<int> verbosity{ -1 };

std::function<void(int, const std::string &)> observer;

std::mutex file_mutex;
FILE * file = nullptr;

} // namespace

void observe_common_log(std::function<void(int, const std::string &)> other) {
    observer = std::move(other);
    verbosity = observer ? LOG_LEVEL_INFO : -1;
}

int common_log_get_verbosity_thold(void) {
    return verbosity;
}

void common_log_set_verbosity_thold(int value) {
    verbosity = value;
}

int common_log_get_verbosity(enum ggml_log_level level) {
    switch (level) {
        case GGML_LOG_LEVEL_DEBUG: return LOG_LEVEL_DEBUG;
        case GGML_LOG_LEVEL_WARN: return LOG_LEVEL_WARN;
        case GGML_LOG_LEVEL_ERROR: return LOG_LEVEL_ERROR;
        case GGML_LOG_LEVEL_NONE: return LOG_LEVEL_OUTPUT;
        default: return LOG_LEVEL_INFO;
    }
}

struct common_log * common_log_main() {
    return nullptr;
}

void common_log_add(struct common_log *, enum ggml_log_level level, const char * format, ...) {
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    const int length = std::vsnprintf(nullptr, 0, format, arguments);
    va_end(arguments);
    std::vector<char> text(length < 0 ? 1 : length + 1);
    std::vsnprintf(text.data(), text.size(), format, again);
    va_end(again);
    if (observer) {
        observer(level, text.data());
    }
    ggml_log_callback callback = nullptr;
    void * data = nullptr;
    llama_log_get(&callback, &data);
    if (callback != nullptr) {
        callback(level, text.data(), data);
    }
    const std::lock_guard<std::mutex> lock(file_mutex);
    if (file != nullptr) {
        std::fputs(text.data(), file);
        std::fflush(file);
    }
}

void common_log_set_file(struct common_log *, const char * path) {
    const std::lock_guard<std::mutex> lock(file_mutex);
    if (file != nullptr) {
        std::fclose(file);
    }
    file = path == nullptr ? nullptr : std::fopen(path, "a");
}

/* How lines look is up to the reader of llama.cpp's log. */
void common_log_default_callback(enum ggml_log_level, const char *, void *) {}
bool common_log_get_jsonl(void) {
    return false;
}
void common_log_set_jsonl(bool) {}
void common_log_set_colors(struct common_log *, log_colors) {}
void common_log_set_prefix(struct common_log *, bool) {}
void common_log_set_timestamps(struct common_log *, bool) {}
void common_log_pause(struct common_log *) {}
void common_log_resume(struct common_log *) {}
void common_log_flush(struct common_log *) {}
void common_log_add_json(struct common_log *, const char *, const common_json &) {}
