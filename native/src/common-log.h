/* The log of llama.cpp's `common` goes where llama.cpp's own log goes, without the thread that prints it. */
#pragma once

#include <functional>
#include <string>

/* Is given each message that is logged as well; empty for none. Set while nothing is logged. */
void observe_common_log(std::function<void(int level, const std::string & text)> observer);
