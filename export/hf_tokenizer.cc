#include "export/hf_tokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "data/text/end_tokens.h"
#include "data/text/vocabulary.h"

namespace pith {
namespace {

using Json = nlohmann::json;

// llama.cpp's token types.
int64_t GgufKind(TokenKind kind) {
  switch (kind) {
    case TokenKind::kNormal: return 1;
    case TokenKind::kControl: return 3;
    case TokenKind::kUserDefined: return 4;
    case TokenKind::kUnused: return 5;
    case TokenKind::kByte: return 6;
  }
  PITH_CHECK(false, "token kind ", static_cast<int>(kind));
  return 0;
}

Json ReadObject(const std::string& path) {
  if (!FileExists(path)) return Json::object();
  const std::string text = PythonJson(ReadFile(path));
  if (const std::string problem = JsonObjectProblem(text, kMaxJsonDepth, RepeatedKeys::kLastCounts); !problem.empty()) ThrowUser("'", path, "' ", problem);
  return Json::parse(text);
}

std::string SpacedMerge(const Json& merge) {
  return merge.is_array() ? Str(merge[0].get<std::string>(), " ", merge[1].get<std::string>()) : merge.get<std::string>();
}

// Each pair once: of two of one pair the tokenizers library takes the last, llama.cpp the first.
std::vector<std::string> Merges(const Json& json) {
  std::vector<std::string> merges;
  std::unordered_set<std::string> seen;
  for (auto merge = json.rbegin(); merge != json.rend(); ++merge) {
    std::string text = SpacedMerge(*merge);
    if (seen.insert(text).second) merges.push_back(std::move(text));
  }
  std::reverse(merges.begin(), merges.end());
  return merges;
}

// llama.cpp ends an answer at eos, eot and eom, and at what it knows by its text. Without an eos it would take id 11 for one.
void SetEnds(const Vocabulary& vocabulary, GgufWriter* writer) {
  const std::vector<int32_t> ends = EndIds(vocabulary);
  if (ends.empty()) return;
  writer->Set("tokenizer.ggml.eos_token_id", int64_t{ends[0]});
  std::vector<int64_t> declared{ends[0]};
  const char* const keys[] = {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};
  size_t num_keys = 0;
  for (size_t i = 1; i < ends.size(); ++i) {
    if (std::find(vocabulary.end_ids.begin(), vocabulary.end_ids.end(), ends[i]) == vocabulary.end_ids.end()) continue;  // known by its text
    declared.push_back(ends[i]);
    const std::string& text = vocabulary.tokens[static_cast<size_t>(ends[i])];
    if (IsEndText(text)) continue;
    if (num_keys < std::size(keys)) {
      writer->Set(keys[num_keys++], int64_t{ends[i]});
    } else {
      LogWarning(Str("an answer may end with '", text, "' (token ", ends[i], "), too, for which llama.cpp has no field: pith will stop there, llama.cpp will not"));
    }
  }
  if (declared.size() > 1) writer->Set(kGgufEndsKey, std::move(declared));
}

// A special token's id: by its text in tokenizer_config.json, else by config.json's id. −1: neither names one.
int64_t SpecialId(const std::string& name, const Json& tokenizer, const Json& model, const std::vector<std::string>& tokens) {
  Json token = tokenizer.value(name + "_token", Json(nullptr));
  if (token.is_object()) token = token.value("content", Json(nullptr));
  if (token.is_string()) {
    for (size_t id = 0; id < tokens.size(); ++id) {
      if (tokens[id] == token.get<std::string>()) return static_cast<int64_t>(id);
    }
    LogWarning(Str("tokenizer_config.json names the ", name, " token '", token.get<std::string>(), "', which the vocabulary lacks"));
    return -1;
  }
  Json id = model.value(name + "_token_id", Json(nullptr));
  if (id.is_array() && !id.empty()) id = id.front();
  const bool usable = id.is_number_unsigned() && id.get<uint64_t>() < tokens.size();
  return usable ? id.get<int64_t>() : -1;
}

std::string ChatTemplateSource(const std::string& folder, const Json& tokenizer) {
  const std::string path = folder + "/chat_template.jinja";
  if (FileExists(path)) return ReadFile(path);
  const Json found = tokenizer.value("chat_template", Json(nullptr));
  if (found.is_string()) return found.get<std::string>();
  if (found.is_array()) {  // several named templates
    for (const Json& entry : found) {
      if (entry.is_object() && entry.value("name", Json()) == "default" && entry.value("template", Json()).is_string()) {
        return entry["template"].get<std::string>();
      }
    }
  }
  return "";
}

}  // namespace

void SetTokenizerMetadata(const std::string& folder, int64_t vocab_size, GgufWriter* writer) {
  const std::string path = folder + "/tokenizer.json";
  const Vocabulary vocabulary = VocabularyFromJson(path);  // everything below relies on its checks
  const auto num_tokens = static_cast<int64_t>(vocabulary.tokens.size());
  if (num_tokens > vocab_size) {
    ThrowUser("'", path, "' has ", num_tokens, " tokens, but the model's embedding has ", vocab_size,
              " rows; use the tokenizer that belongs to the model");
  }
  const std::string pre = GgufNameOf(vocabulary.splitter, vocabulary.ignore_merges);
  if (vocabulary.characters || vocabulary.model != TokenModel::kBpe || pre.empty()) {
    ThrowUser("'", path, "' is not byte-level BPE with a pre-tokenizer that GGUF has a name for, so it cannot be written to GGUF");
  }
  const Json json = ReadObject(path), tokenizer = ReadObject(folder + "/tokenizer_config.json");
  const Json model = ReadObject(folder + "/config.json");
  std::vector<std::string> tokens(static_cast<size_t>(vocab_size));
  std::vector<int64_t> kinds(tokens.size(), GgufKind(TokenKind::kUnused));
  for (size_t id = 0; id < tokens.size(); ++id) tokens[id] = Str("[PAD", id, "]");
  for (const auto& [text, id] : json["model"]["vocab"].items()) tokens[id.get<size_t>()] = text;
  for (const AddedToken& added : vocabulary.added) tokens[static_cast<size_t>(added.id)] = added.text;
  for (size_t id = 0; id < vocabulary.kinds.size(); ++id) kinds[id] = GgufKind(vocabulary.kinds[id]);
  writer->Set("tokenizer.ggml.model", std::string("gpt2"));
  writer->Set("tokenizer.ggml.pre", pre);
  const int64_t bos = SpecialId("bos", tokenizer, model, tokens), pad = SpecialId("pad", tokenizer, model, tokens);
  const int64_t unknown = SpecialId("unk", tokenizer, model, tokens);
  if (bos >= 0) writer->Set("tokenizer.ggml.bos_token_id", bos);
  if (pad >= 0) writer->Set("tokenizer.ggml.padding_token_id", pad);
  if (unknown >= 0) writer->Set("tokenizer.ggml.unknown_token_id", unknown);
  const Json add_bos = tokenizer.value("add_bos_token", Json(nullptr));
  if (add_bos.is_boolean()) writer->Set("tokenizer.ggml.add_bos_token", add_bos.get<bool>());
  writer->Set("tokenizer.ggml.tokens", std::move(tokens));
  writer->Set("tokenizer.ggml.token_type", std::move(kinds));
  writer->Set("tokenizer.ggml.merges", Merges(json["model"]["merges"]));
  SetEnds(vocabulary, writer);
  const std::string source = ChatTemplateSource(folder, tokenizer);
  if (!source.empty()) writer->Set("tokenizer.chat_template", source);
}

}  // namespace pith
