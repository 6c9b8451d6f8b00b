#include "bigllama.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>

#include "call-limits.h"
#include "calls.h"
#include "chat.h"
#include "common.h"
#include "depth.h"
#include "grammar.h"
#include "json-schema-to-grammar.h"
#include "json.h"
#include "large-stack.h"
#include "llama-ext.h"
#include "llama.h"
#include "server.h"
#include "speculation.h"

struct bigllama_templates {
    common_chat_templates_ptr templates;
};

struct bigllama_grammar {
    grammar rules;
};

struct bigllama_server {
    server program;
};

struct bigllama_speculation {
    speculation kinds;
};

namespace {

/* Nothing is deeper than it is long: so long a template fits the stack, whatever is in it. */
constexpr size_t LONGEST_TEMPLATE = 256 << 10;

/* A template that is meant to be run needs a small part of that. */
constexpr size_t MOST_STACK = 8 << 20;

/* Runs what may throw, and may call itself as deep as its input goes. */
template <typename F> auto guarded(char ** error, F function) -> decltype(function()) {
    decltype(function()) result = {};
    std::string message;
    caught(message, [&] {
        on_large_stack([&] {
            const call_limits limits(MOST_STACK, 0);
            result = caught(message, function);
            if (!result && call_limits::is_too_deep()) {
                message = "it calls itself without end, or is nested too deep";
            }
        });
        return true;
    });
    if (!result) {
        tell(error, message);
    }
    return result;
}

common_json parse(const char * text) {
    require_depth("JSON", text, "\"");
    return common_json::parse(text);
}

common_chat_templates_inputs inputs(const common_json & request) {
    common_chat_templates_inputs inputs;
    inputs.messages = common_chat_msgs_parse_oaicompat(request.at("messages"));
    if (request.contains("tools")) {
        inputs.tools = common_chat_tools_parse_oaicompat(request.at("tools"));
    }
    inputs.tool_choice = common_chat_tool_choice_parse_oaicompat(request.value("tool_choice", "auto"));
    inputs.parallel_tool_calls = request.value("parallel_tool_calls", false);
    if (request.contains("json_schema")) {
        inputs.json_schema = request.at("json_schema").dump();
    }
    inputs.add_generation_prompt = request.value("add_generation_prompt", true);
    inputs.enable_thinking = request.value("enable_thinking", true);
    inputs.reasoning_format = COMMON_REASONING_FORMAT_AUTO;
    if (request.value("begin_content", false)) {
        common_chat_msg begun;
        begun.role = "assistant";
        // A message without parts counts as empty; llama.cpp would then leave out the text that precedes an answer.
        common_chat_msg_content_part nothing;
        nothing.type = "text";
        begun.content_parts.push_back(nothing);
        inputs.messages.push_back(begun);
        inputs.continue_final_message = COMMON_CHAT_CONTINUATION_CONTENT;
    }
    if (request.contains("now")) {
        inputs.now = std::chrono::system_clock::time_point(std::chrono::seconds(request.at("now").get<int64_t>()));
    }
    return inputs;
}

common_json result(const common_chat_params & params) {
    common_json triggers = common_json::array();
    for (const auto & trigger : params.grammar_triggers) {
        triggers.push_back({
            { "type", (int) trigger.type },
            { "value", trigger.value },
            { "token", (int) trigger.token },
        });
    }
    common_json syntax = common_json::object({
        { "format", (int) params.format },
        { "generation_prompt", params.generation_prompt },
        { "parser", params.parser },
    });
    return common_json::object({
        { "prompt", params.prompt },
        { "grammar", params.grammar },
        { "grammar_lazy", params.grammar_lazy },
        { "grammar_triggers", triggers },
        { "preserved_tokens", params.preserved_tokens },
        { "additional_stops", params.additional_stops },
        { "supports_thinking", params.supports_thinking },
        { "syntax", syntax },
    });
}

} // namespace

extern "C" {

struct bigllama_templates * bigllama_templates_create(
    const struct llama_model * model, const char * source, const char * begin, const char * end, char ** error) {
    return guarded(error, [&] {
        const char * own = model == nullptr ? nullptr : llama_model_chat_template(model, nullptr);
        for (const char * text : { source, own }) {
            if (text != nullptr) {
                require_depth("it", text, "");
                if (std::strlen(text) > LONGEST_TEMPLATE) {
                    throw std::runtime_error("it is longer than " + std::to_string(LONGEST_TEMPLATE) + " bytes");
                }
            }
        }
        auto * created = new bigllama_templates();
        try {
            created->templates = common_chat_templates_init(
                model, source == nullptr ? "" : source, begin == nullptr ? "" : begin, end == nullptr ? "" : end);
        } catch (...) {
            delete created;
            // llama.cpp rethrows a copy without the reason.
            for (const char * text : { source, own }) {
                if (text != nullptr) {
                    common_chat_template(text, "", "");
                }
            }
            throw;
        }
        return created;
    });
}

void bigllama_templates_free(struct bigllama_templates * templates) {
    std::string message;
    caught(message, [&] {
        on_large_stack([&] { delete templates; });
        return true;
    });
}

int32_t bigllama_tokenize(
    const struct llama_vocab * vocab, const char * text, int32_t length, int32_t * tokens, int32_t most,
    bool add_special, bool parse_special, char ** error) {
    try {
        return llama_tokenize(vocab, text, length, tokens, most, add_special, parse_special);
    } catch (const std::exception & e) {
        tell(error, e.what());
    } catch (...) {
        tell(error, "unknown failure");
    }
    return INT32_MIN;
}

char * bigllama_templates_describe(const struct bigllama_templates * templates, char ** error) {
    return guarded(error, [&] {
        common_json description = common_json::object();
        for (const auto & entry : common_chat_templates_get_caps(templates->templates.get())) {
            description[entry.first] = entry.second;
        }
        description["supports_thinking"] = common_chat_templates_support_enable_thinking(templates->templates.get());
        description["source"] = common_chat_templates_source(templates->templates.get());
        return copy(description.dump_safe());
    });
}

char * bigllama_templates_apply(const struct bigllama_templates * templates, const char * request, char ** error) {
    return guarded(error, [&] {
        return copy(result(common_chat_templates_apply(templates->templates.get(), inputs(parse(request)))).dump_safe());
    });
}

char * bigllama_reply_parse(const char * syntax, const char * text, int partial, char ** error) {
    return guarded(error, [&] {
        common_json given = parse(syntax);
        common_chat_parser_params params;
        params.format = static_cast<common_chat_format>(given.at("format").get<int>());
        params.reasoning_format = COMMON_REASONING_FORMAT_AUTO;
        params.generation_prompt = given.at("generation_prompt").get<std::string>();
        const std::string parser = given.at("parser").get<std::string>();
        if (!parser.empty()) {
            params.parser.load(parser);
        }
        const common_chat_msg message = common_chat_parse(text, partial != 0, params);
        common_json calls = common_json::array();
        for (const auto & call : message.tool_calls) {
            calls.push_back({
                { "id", call.id },
                { "name", call.name },
                { "arguments", call.arguments },
            });
        }
        return copy(common_json::object({
            { "content", message.content },
            { "reasoning_content", message.reasoning_content },
            { "tool_calls", calls },
        }).dump_safe());
    });
}

char * bigllama_schema_to_grammar(const char * schema, char ** error) {
    return guarded(error, [&] {
        return copy(json_schema_to_grammar(parse(schema)));
    });
}

int bigllama_grammar_check(const char * source, char ** error) {
    return guarded(error, [&] {
        grammar::check(source);
        return 1;
    });
}

struct bigllama_grammar * bigllama_grammar_create(
    const struct llama_vocab * vocab, const char * source, const char * triggers, char ** error) {
    return guarded(error, [&] {
        if (triggers == nullptr) {
            return new bigllama_grammar{ { vocab, source, nullptr } };
        }
        std::vector<common_grammar_trigger> read;
        for (const auto & trigger : parse(triggers)) {
            read.push_back({
                static_cast<common_grammar_trigger_type>(trigger.at("type").get<int>()),
                trigger.at("value").get<std::string>(),
                static_cast<llama_token>(trigger.at("token").get<int>()),
            });
        }
        return new bigllama_grammar{ { vocab, source, &read } };
    });
}

void bigllama_grammar_free(struct bigllama_grammar * grammar) {
    delete grammar;
}

int bigllama_grammar_apply(
    const struct bigllama_grammar * grammar, struct llama_token_data_array * candidates, char ** error) {
    return counted(error, [&] { return static_cast<int>(grammar->rules.apply(*candidates)); });
}

struct bigllama_grammar * bigllama_grammar_accept(struct bigllama_grammar * grammar, int token, char ** error) {
    const auto accept = [&] {
        grammar->rules.accept(token);
        return grammar;
    };
    if (grammar->rules.is_recursive()) {
        return guarded(error, accept);
    }
    return told(error, accept);
}

bool bigllama_candidates_fill(
    struct llama_token_data_array * candidates, struct llama_token_data * room, const float * logits, int count) {
    bool numbers = true;
    for (int i = 0; i < count; ++i) {
        room[i] = { i, logits[i], 0.0f };
        numbers &= logits[i] < INFINITY;
    }
    *candidates = { room, static_cast<size_t>(count), -1, false };
    return numbers;
}

struct bigllama_speculation * bigllama_speculation_create(
    const char * types, struct llama_context * target, struct llama_context * draft, int sequences, int longest,
    int ngram, float least, char ** error) {
    return told(error, [&] {
        return new bigllama_speculation{ { types, target, draft, sequences, longest, ngram, least } };
    });
}

void bigllama_speculation_free(struct bigllama_speculation * speculation) {
    delete speculation;
}

int bigllama_speculation_begin(
    struct bigllama_speculation * speculation, int sequence, const int32_t * prompt, int count, char ** error) {
    return counted(error, [&] {
        speculation->kinds.begin(sequence, prompt, count);
        return 0;
    });
}

int bigllama_speculation_follow(
    struct bigllama_speculation * speculation, const struct llama_batch * batch, char ** error) {
    return counted(error, [&] {
        if (!speculation->kinds.follow(*batch)) {
            throw std::runtime_error("the layers that predict further tokens (MTP) could not compute a batch");
        }
        return 0;
    });
}

int bigllama_speculation_draft(
    struct bigllama_speculation * speculation, int sequence, const int32_t * tokens, int count, int last, int most,
    int32_t * draft, char ** error) {
    return counted(error, [&] { return speculation->kinds.draft(sequence, tokens, count, last, most, draft); });
}

int bigllama_speculation_accept(
    struct bigllama_speculation * speculation, int sequence, int count, char ** error) {
    return counted(error, [&] {
        speculation->kinds.accept(sequence, count);
        return 0;
    });
}

struct bigllama_server * bigllama_server_create(int count, const char * const * options, char ** error) {
    return told(error, [&] {
        return new bigllama_server{ server(std::vector<std::string>(options, options + count)) };
    });
}

void bigllama_server_free(struct bigllama_server * server) {
    delete server;
}

char * bigllama_server_describe(const struct bigllama_server * server, char ** error) {
    return guarded(error, [&] { return copy(server->program.describe().dump()); });
}

int bigllama_server_run(
    struct bigllama_server * server, struct llama_model * model, const char * path, bigllama_eval_callback eval,
    bigllama_decode_callback decode, char ** error) {
    return counted(error, [&] {
        server->program.run(model, path, eval, decode);
        return 0;
    });
}

char * bigllama_server_addresses(const struct bigllama_server * server) {
    return copy(server->program.addresses());
}

void bigllama_server_stop(const struct bigllama_server * server) {
    server->program.stop();
}

void bigllama_context_memory(const struct llama_context * context, int64_t * cache, int64_t * compute) {
    *cache = 0;
    *compute = 0;
    for (const auto & [type, data] : llama_get_memory_breakdown(context)) {
        *cache += static_cast<int64_t>(data.context);
        *compute += static_cast<int64_t>(data.compute);
    }
}

bool bigllama_abort_if_set(void * flag) {
    return *static_cast<volatile const char *>(flag) != 0;
}

void bigllama_log_nothing(int, const char *, void *) {}

void bigllama_text_free(char * text) {
    std::free(text);
}

} // extern "C"
