/*
 * Prints what llama.cpp's own functions make of chat templates: each template's source, and a conversation in several
 * variants. The build keeps the output, and a test compares it with the results of bigllama.h.
 *
 * template-probe FILE...
 */
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "chat.h"
#include "log.h"

int common_log_get_verbosity_thold(void) {
    return -1;
}

struct common_log * common_log_main() {
    return nullptr;
}

void common_log_add(struct common_log *, enum ggml_log_level, const char *, ...) {}

static void print(const std::string & name, const std::string & what, const std::string & text) {
    std::printf("%s %s %zu\n", name.c_str(), what.c_str(), text.size());
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::printf("\n");
}

static common_chat_msg message(const std::string & role, const std::string & content) {
    common_chat_msg message;
    message.role = role;
    message.content = content;
    return message;
}

static void render(
    const std::string & name, const std::string & what, common_chat_templates * templates,
    const common_chat_templates_inputs & inputs) {
    try {
        print(name, what, common_chat_templates_apply(templates, inputs).prompt);
    } catch (const std::exception &) {
        print(name, what + "-refused", "");
    }
}

static void probe(const char * path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream source;
    source << file.rdbuf();
    std::string name(path);
    name = name.substr(name.find_last_of('/') + 1);
    std::string text = source.str();
    // llama.cpp gives templates today's date, but the output is compared on other days.
    if (text.find("strftime_now") != std::string::npos) {
        text = "{%- macro strftime_now(format) -%}15 June 2025{%- endmacro %}" + text;
    }
    for (const char * today : { "datetime", "date_string" }) {
        if (text.find(today) != std::string::npos) {
            text = std::string("{%- set ") + today + " = '15 June 2025' %}" + text;
        }
    }
    print(name, "source", text);
    common_chat_templates_ptr templates;
    try {
        templates = common_chat_templates_init(nullptr, text, "<s>", "</s>");
    } catch (const std::exception &) {
        print(name, "unreadable", "");
        return;
    }

    common_chat_templates_inputs inputs;
    inputs.reasoning_format = COMMON_REASONING_FORMAT_AUTO;
    inputs.now = std::chrono::system_clock::time_point(std::chrono::seconds(1750000000));
    inputs.messages = {
        message("system", "Be brief."),
        message("user", "Wie heißt du? 👋"),
        message("assistant", "I am\na model."),
        message("user", "And <b>who</b> \"made\" you?"),
    };
    render(name, "thinking", templates.get(), inputs);
    inputs.enable_thinking = false;
    render(name, "plain", templates.get(), inputs);

    inputs.tools = {
        { "weather", "Says the weather of a city",
          "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}" },
        { "time", "Says the time", "{\"type\":\"object\",\"properties\":{}}" },
    };
    common_chat_msg call = message("assistant", "");
    call.tool_calls.push_back({ "weather", "{\"city\":\"Oslo\"}", "call12345" });
    common_chat_msg answer = message("tool", "7 degrees");
    answer.tool_name = "weather";
    answer.tool_call_id = "call12345";
    inputs.messages = { message("user", "How is the weather in Oslo?"), call, answer };
    render(name, "tools", templates.get(), inputs);
}

int main(int count, char ** paths) {
    for (int i = 1; i < count; i++) {
        probe(paths[i]);
    }
    return 0;
}
