#include "data/template/chat_template.h"

#include <ctime>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/iso_time.h"
#include "base/json_text.h"
#include "data/template/jinja_interpreter.h"
#include "data/template/jinja_parser.h"
#include "data/template/jinja_scopes.h"

namespace pith {
namespace {

using Json = nlohmann::json;

std::tm ParseNow(const std::string& text) {
  if (text.empty()) return LocalTime();
  const auto time = ParseIsoTime(text);
  if (!time) ThrowUser("'", text, "' is not a time; write it like 2024-07-26 or 2024-07-26T10:00:00");
  return *time;
}

// A template of which nothing comes, which is as good as none.
bool IsBlank(const std::string& source) { return source.find_first_not_of(" \t\r\n") == std::string::npos; }

std::optional<std::string> TokenText(const Json& config, const char* key) {
  const auto found = config.find(key);
  if (found == config.end()) return std::nullopt;
  if (found->is_string()) return found->get<std::string>();
  if (found->is_object() && found->contains("content") && found->at("content").is_string())
    return found->at("content").get<std::string>();
  return std::nullopt;
}

// chat_template of a tokenizer_config.json: a string, or a list of named ones of which "default" counts.
std::string TemplateOf(const Json& config, const std::string& path) {
  const auto found = config.find("chat_template");
  if (found == config.end() || found->is_null()) return "";
  if (found->is_string()) return found->get<std::string>();
  if (found->is_array()) {
    for (const Json& entry : *found) {
      if (entry.is_object() && entry.value("name", Json()) == "default" && entry.value("template", Json()).is_string())
        return entry.at("template").get<std::string>();
    }
  }
  ThrowUser("'", path, "': chat_template is neither a text nor a list with one named 'default'");
}

}  // namespace

struct ChatTemplate::Impl {
  std::string source;
  JinjaBody body;
  std::optional<std::string> bos, eos;
  std::string now, kwargs;

  std::string Render(JinjaValue messages, const TemplateOptions& options) const {
    JinjaRuntime rt;
    rt.now = ParseNow(options.now.empty() ? now : options.now);
    JinjaVariables variables;
    const auto set = [&](const std::string& name, JinjaValue value) {
      for (auto& [have, old] : variables) {
        if (have == name) {
          old = std::move(value);
          return;
        }
      }
      variables.emplace_back(name, std::move(value));
    };
    const auto& begin = options.bos ? options.bos : bos;
    const auto& end = options.eos ? options.eos : eos;
    if (begin) set("bos_token", JinjaValue(*begin));
    if (end) set("eos_token", JinjaValue(*end));
    set("messages", std::move(messages));
    set("tools", options.tools_json.empty() ? JinjaValue() : FromJson(options.tools_json, "the tools"));
    set("documents", JinjaValue());
    set("add_generation_prompt", JinjaValue(options.add_generation_prompt));
    for (const std::string* json : {&kwargs, &options.kwargs_json}) {
      if (json->empty()) continue;
      const JinjaValue extra = Extra(*json);
      for (const auto& [key, value] : extra.Entries()) set(key.AsString(), value);
    }
    try {
      return RunJinja(body, variables, rt);
    } catch (const JinjaError& error) {
      ThrowUser("chat template, line ", error.line(), ": ", error.what());
    }
  }

  static JinjaValue Extra(const std::string& json) {
    JinjaValue extra = FromJson(json, "the template's extra variables");
    if (!extra.IsDict()) ThrowUser("the template's extra variables must be a JSON object");
    return extra;
  }

  static JinjaValue FromJson(std::string_view json, const char* what) {
    try {
      return JinjaFromJson(json);
    } catch (const JinjaError& error) {
      ThrowUser(what, ": ", error.what());
    }
  }
};

ChatTemplate::ChatTemplate() = default;
ChatTemplate::~ChatTemplate() = default;

std::unique_ptr<ChatTemplate> ChatTemplate::FromSource(const std::string& jinja) {
  std::unique_ptr<ChatTemplate> chat(new ChatTemplate);
  chat->impl_ = std::make_unique<Impl>();
  try {
    chat->impl_->source = jinja;
    chat->impl_->body = ParseJinja(jinja);
    CheckJinjaNames(chat->impl_->body);
  } catch (const JinjaError& error) {
    ThrowUser("chat template, line ", error.line(), ": ", error.what());
  }
  return chat;
}

std::unique_ptr<ChatTemplate> ChatTemplate::FromGguf(const GgufFile& file) {
  const auto source = file.Find<std::string>("tokenizer.chat_template");
  if (!source || IsBlank(*source))
    ThrowUser("'", file.path(), "' has no chat template (tokenizer.chat_template); use a chat model, or raw prompts");
  auto chat = FromSource(*source);
  const auto tokens = file.Find<std::vector<std::string_view>>("tokenizer.ggml.tokens");
  const auto text = [&](const char* key) -> std::optional<std::string> {
    const auto id = file.Find<int64_t>(key);
    if (!id || !tokens || *id < 0 || *id >= static_cast<int64_t>(tokens->size())) return std::nullopt;
    return std::string((*tokens)[static_cast<size_t>(*id)]);
  };
  chat->impl_->bos = text("tokenizer.ggml.bos_token_id");
  chat->impl_->eos = text("tokenizer.ggml.eos_token_id");
  return chat;
}

std::unique_ptr<ChatTemplate> ChatTemplate::Load(const std::string& path) {
  if (!IsFolder(path)) return FromGguf(GgufFile(path));
  const std::string config_path = path + "/tokenizer_config.json";
  Json config = Json::object();
  if (FileExists(config_path)) {
    config = Json::parse(PythonJson(ReadFile(config_path)), nullptr, false);
    if (!config.is_object()) ThrowUser("'", config_path, "' is not a JSON object");
  }
  const std::string file = path + "/chat_template.jinja";
  const std::string source = FileExists(file) ? ReadFile(file) : TemplateOf(config, config_path);
  if (IsBlank(source))
    ThrowUser("'", path, "' has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json)");
  auto chat = FromSource(source);
  chat->impl_->bos = TokenText(config, "bos_token");
  chat->impl_->eos = TokenText(config, "eos_token");
  return chat;
}

std::unique_ptr<ChatTemplate> ChatTemplate::Copy() const {
  auto copy = FromSource(impl_->source);
  copy->impl_->bos = impl_->bos;
  copy->impl_->eos = impl_->eos;
  return copy;
}

const std::string& ChatTemplate::source() const { return impl_->source; }

std::string ChatTemplate::Render(std::span<const ChatMessage> messages, bool add_generation_prompt) const {
  std::vector<JinjaValue> list;
  for (const ChatMessage& message : messages) {
    list.push_back(JinjaValue::Dict(
        {{JinjaValue("role"), JinjaValue(message.role)}, {JinjaValue("content"), JinjaValue(message.content)}}));
  }
  TemplateOptions options;
  options.add_generation_prompt = add_generation_prompt;
  return impl_->Render(JinjaValue::List(std::move(list)), options);
}

std::string ChatTemplate::RenderJson(std::string_view messages_json, const TemplateOptions& options) const {
  JinjaValue messages = Impl::FromJson(messages_json, "the messages");
  if (!messages.IsList()) ThrowUser("the messages must be a JSON list of objects with role and content");
  for (const JinjaValue& message : messages.Items()) {
    if (!message.IsDict()) ThrowUser("the messages must be a JSON list of objects with role and content");
  }
  return impl_->Render(std::move(messages), options);
}

std::vector<std::string> ChatTemplate::UnusedKwargs() const {
  std::vector<std::string> unused;
  if (impl_->kwargs.empty()) return unused;
  const JinjaValue extra = Impl::Extra(impl_->kwargs);
  for (const auto& [key, value] : extra.Entries()) {
    if (!JinjaMentions(impl_->body, key.AsString())) unused.push_back(key.AsString());
  }
  return unused;
}

void ChatTemplate::SetKwargs(const std::string& kwargs_json) {
  if (!kwargs_json.empty()) Impl::Extra(kwargs_json);
  impl_->kwargs = kwargs_json;
}

bool ChatTemplate::TellsTime() const { return JinjaMentions(impl_->body, "strftime_now"); }

void ChatTemplate::SetSpecial(const std::string& bos, const std::string& eos) {
  impl_->bos = bos;
  impl_->eos = eos;
}

void ChatTemplate::SetNow(const std::string& now) {
  ParseNow(now);
  impl_->now = now;
}

}  // namespace pith
