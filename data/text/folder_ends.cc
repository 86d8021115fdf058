// The ends that the files beside a tokenizer declare.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "data/text/end_tokens.h"
#include "data/text/vocabulary.h"

namespace pith {
namespace {

using Json = nlohmann::json;

Json ReadObject(const std::string& path) {
  if (!FileExists(path)) return Json::object();
  Json parsed = Json::parse(PythonJson(ReadFile(path)), nullptr, false);
  if (!parsed.is_object()) ThrowUser("'", path, "' is not a JSON object");
  return parsed;
}

std::string EndText(const std::string& folder) {
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    Json token = ReadObject((std::filesystem::path(folder) / name).string()).value("eos_token", Json());
    if (token.is_object()) token = token.value("content", Json());
    if (token.is_string()) return token.get<std::string>();
  }
  return "";
}

int32_t FindText(const Vocabulary& vocabulary, const std::string& text) {
  for (const AddedToken& token : vocabulary.added) {
    if (token.text == text) return token.id;
  }
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.tokens[id] == text && vocabulary.kinds[id] != TokenKind::kUnused) return static_cast<int32_t>(id);
  }
  return -1;
}

}  // namespace

void ReadFolderEnds(const std::string& folder, Vocabulary* vocabulary) {
  if (const std::string text = EndText(folder); !text.empty()) {
    const int32_t id = FindText(*vocabulary, text);
    if (id >= 0) vocabulary->eos_id = id;
    if (id < 0) LogWarning(Str("a file beside '", vocabulary->origin, "' names the end token '", text, "', which the vocabulary lacks"));
  }
  for (const char* name : {"generation_config.json", "config.json"}) {
    const std::string path = (std::filesystem::path(folder) / name).string();
    Json ids = ReadObject(path).value("eos_token_id", Json());
    if (ids.is_null()) continue;
    if (!ids.is_array()) ids = Json::array({ids});
    for (const Json& id : ids) {
      if (!id.is_number_integer()) ThrowUser("'", path, "': eos_token_id is ", id.dump(-1, ' ', false, Json::error_handler_t::replace), "; expected a token id, or a list of them");
      const bool known = id >= 0 && id < vocabulary->tokens.size() && vocabulary->kinds[id.get<size_t>()] != TokenKind::kUnused;
      if (!known) {
        LogWarning(Str("'", path, "' names the end token ", id.dump(), ", which the vocabulary lacks; nothing ends there"));
        continue;
      }
      if (vocabulary->eos_id < 0) vocabulary->eos_id = id.get<int32_t>();
      vocabulary->end_ids.push_back(id.get<int32_t>());
    }
  }
}

}  // namespace pith
