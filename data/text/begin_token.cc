#include "data/text/begin_token.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/gguf.h"
#include "base/json_text.h"
#include "data/text/tokenizer.h"

namespace pith {
namespace {

// Byte-level vocabularies to which llama.cpp gives a BOS unless the file says otherwise; to those of sentencepiece and BERT it always does.
constexpr std::string_view kKindsThatBegin[] = {"llama3",   "llama-v3", "llama-bpe",    "falcon3", "falcon-h1",
                                           "pixtral", "midm-2.0", "jina-v5-nano", "lfm2",    "tekken", "chameleon"};

nlohmann::json JsonObjectIn(const std::string& path) {
  if (!FileExists(path)) return nlohmann::json::object();
  nlohmann::json parsed = nlohmann::json::parse(PythonJson(ReadFile(path)), nullptr, /*allow_exceptions=*/false);
  return parsed.is_object() ? parsed : nlohmann::json::object();  // what is wrong with it, those say who live by it
}

// The text of the token that the template begins with; a post-processor may be a list of them.
std::string FirstOfTemplate(const nlohmann::json& processor) {
  if (!processor.is_object()) return "";
  if (const auto parts = processor.find("processors"); parts != processor.end() && parts->is_array()) {
    for (const nlohmann::json& part : *parts) {
      if (std::string text = FirstOfTemplate(part); !text.empty()) return text;
    }
  }
  const auto single = processor.find("single");
  if (single == processor.end() || !single->is_array() || single->empty() || !single->front().is_object()) return "";
  const auto special = single->front().find("SpecialToken");
  return special != single->front().end() && special->is_object() && special->contains("id") && (*special)["id"].is_string() ? (*special)["id"].get<std::string>() : "";
}

}  // namespace

std::optional<int32_t> BeginToken(const GgufFile& file, int64_t vocab_size) {
  const auto model = file.Find<std::string>("tokenizer.ggml.model").value_or(""), pre = file.Find<std::string>("tokenizer.ggml.pre").value_or("");
  const bool usually = model == "llama" || model == "bert" || model == "gemma4" ||
                       (model == "gpt2" && std::find(std::begin(kKindsThatBegin), std::end(kKindsThatBegin), pre) != std::end(kKindsThatBegin));
  if (!file.Find<bool>("tokenizer.ggml.add_bos_token").value_or(usually)) return std::nullopt;
  const int64_t usual = model == "llama" ? 1 : model == "bert" ? 101 : -1;
  const int64_t id = file.Find<int64_t>("tokenizer.ggml.bos_token_id").value_or(usual);
  if (id < 0 || id >= vocab_size) return std::nullopt;
  return static_cast<int32_t>(id);
}

std::optional<int32_t> BeginToken(const std::string& folder) {
  const nlohmann::json settings = JsonObjectIn(folder + "/tokenizer_config.json");
  const auto add = settings.find("add_bos_token");
  std::string text = FirstOfTemplate(JsonObjectIn(folder + "/tokenizer.json").value("post_processor", nlohmann::json()));
  if (add != settings.end() && add->is_boolean()) {
    nlohmann::json token = settings.value("bos_token", nlohmann::json());
    if (token.is_object()) token = token.value("content", nlohmann::json());
    if (!*add) return std::nullopt;
    if (token.is_string()) text = token.get<std::string>();
  }
  return text.empty() ? std::nullopt : Tokenizer::Load(folder)->FindToken(text);
}

}  // namespace pith
