#include "large-stack.h"

#include <locale.h>
#include <pthread.h>
#if defined(__APPLE__)
#include <xlocale.h>
#endif

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace {

constexpr size_t STACK = 512 << 20;

/* Maximum number of idle threads. */
constexpr size_t MOST_IDLE = 2;

struct worker {
    std::mutex mutex;
    std::condition_variable changed;
    const std::function<void()> * work = nullptr;
    bool is_over = false;
};

/* Never destroyed, because the threads outlive main. */
std::mutex & idle_mutex = *new std::mutex();
std::vector<worker *> & idle = *new std::vector<worker *>();

void * work_forever(void * argument) {
    const std::unique_ptr<worker> self(static_cast<worker *>(argument));
    // Templates and grammars must format numbers alike everywhere.
    static const locale_t c_locale = newlocale(LC_ALL_MASK, "C", nullptr);
    if (c_locale != nullptr) {
        uselocale(c_locale);
    }
    std::unique_lock<std::mutex> lock(self->mutex);
    while (true) {
        self->changed.wait(lock, [&] { return self->work != nullptr || self->is_over; });
        if (self->is_over) {
            return nullptr;
        }
        (*self->work)();
        self->work = nullptr;
        self->changed.notify_all();
    }
}

worker * take_idle() {
    const std::lock_guard<std::mutex> lock(idle_mutex);
    if (idle.empty()) {
        return nullptr;
    }
    worker * result = idle.back();
    idle.pop_back();
    return result;
}

worker * start() {
    auto created = std::make_unique<worker>();
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    const int status = pthread_create(&thread, &attributes, work_forever, created.get());
    pthread_attr_destroy(&attributes);
    if (status != 0) {
        throw std::runtime_error("the system gives no thread with a stack of 512 MiB");
    }
    return created.release();
}

void give_back(worker * used) {
    {
        const std::lock_guard<std::mutex> lock(idle_mutex);
        if (idle.size() < MOST_IDLE) {
            idle.push_back(used);
            return;
        }
    }
    const std::lock_guard<std::mutex> lock(used->mutex);
    used->is_over = true;
    used->changed.notify_all();
}

} // namespace

void on_large_stack(const std::function<void()> & function) {
    worker * found = take_idle();
    if (found == nullptr) {
        found = start();
    }
    {
        std::unique_lock<std::mutex> lock(found->mutex);
        found->work = &function;
        found->changed.notify_all();
        found->changed.wait(lock, [&] { return found->work == nullptr; });
    }
    give_back(found);
}
