// info of a base: GGUF, or Hugging Face folder.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "data/template/prompt.h"
#include "runtime/programs/info.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Of the weights: the parts of a split GGUF, the safetensors of a folder.
struct Files {
  int64_t count = 0, bytes = 0;
  void Add(const std::string& path) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    if (error) return;
    ++count;
    bytes += static_cast<int64_t>(size);
  }
};

Files FilesOf(const BaseModel& base) {
  Files files;
  if (const GgufFile* gguf = base.gguf()) {
    const int64_t parts = gguf->Find<int64_t>("split.count").value_or(1);
    constexpr size_t kEnd = std::string_view("-00001-of-00003.gguf").size();
    const std::string stem = base.path().substr(0, base.path().size() - std::min(base.path().size(), kEnd));
    for (int64_t part = 1; part <= parts && parts > 1; ++part) {
      char end[64];
      std::snprintf(end, sizeof end, "-%05lld-of-%05lld.gguf", static_cast<long long>(part), static_cast<long long>(parts));
      files.Add(stem + end);
    }
    if (files.count == 0) files.Add(base.path());
    return files;
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(base.path(), error)) {
    if (entry.path().extension() == ".safetensors") files.Add(entry.path().string());
  }
  return files;
}

void DescribeShape(const ModelConfig& c, InfoSheet* sheet) {
  sheet->Set("layers", c.num_layers);
  sheet->Set("width", c.d_model);
  sheet->Set("heads", c.num_heads);
  sheet->Set("kv_heads", c.num_kv_heads);
  sheet->Set("head_size", c.head_dim);
  sheet->Set("value_head_size", c.value_head_dim);
  sheet->Set("feed_forward", c.d_ff);
  sheet->Set("vocabulary", c.vocab_size);
  sheet->Set("context", c.context_length);
  sheet->Set("tied_head", c.tied_embeddings);
  const std::string values = c.value_head_dim == c.head_dim ? "" : Str(" (values: ", c.value_head_dim, ")");
  sheet->Line("shape", Str(c.num_layers, " layers of width ", c.d_model, ", ", c.num_heads, " heads of ", c.head_dim, values, " over ", c.num_kv_heads,
                           " of keys and values, feed-forward ", c.d_ff));
  sheet->Line("vocabulary", Str(c.vocab_size, " tokens; ", c.tied_embeddings ? "embedding and output head are one" : "an output head of its own"));
  sheet->Line("context", Str(c.context_length, " tokens"));
}

const char* NameOf(RopeScaling::Kind kind) {
  switch (kind) {
    case RopeScaling::Kind::kNone: return "none";
    case RopeScaling::Kind::kLinear: return "linear";
    case RopeScaling::Kind::kDivisors: return "divisors";
    case RopeScaling::Kind::kYarn: return "yarn";
    case RopeScaling::Kind::kLongRope: return "longrope";
  }
  return "";
}

// What a token knows of places, and how far it sees.
void DescribePositions(const ModelConfig& c, InfoSheet* sheet) {
  const Rotary& rotary = c.rotaries.front();
  int64_t window = 0, windowed = 0, unturned = 0;
  for (const LayerConfig& layer : c.layers) {
    window = std::max(window, layer.window);
    windowed += layer.window != 0;
    unturned += layer.rotary < 0;
  }
  sheet->Set("rope_theta", rotary.theta);
  sheet->Set("rope_scaling", NameOf(rotary.scaling.kind));
  sheet->Set("window", window);
  sheet->Set("windowed_layers", windowed);
  char theta[32];
  std::snprintf(theta, sizeof theta, "%g", rotary.theta);
  std::string text = Str("rotary, theta ", theta);
  if (rotary.scaling.kind != RopeScaling::Kind::kNone) text += Str(", scaled: ", NameOf(rotary.scaling.kind));
  if (c.rotary_dim != c.head_dim) text += Str(", ", c.rotary_dim, " of ", c.head_dim, " values of a head");
  if (unturned > 0) text += Str("; none in ", unturned, " of ", c.num_layers, " layers");
  if (windowed > 0) text += Str("; a window of ", window, " tokens in ", windowed, " of ", c.num_layers, " layers");
  sheet->Line("positions", text);
}

void DescribeTokenizer(const Tokenizer& tokenizer, InfoSheet* sheet) {
  sheet->SetJson("tokenizer", Json{{"kind", tokenizer.Kind()}, {"tokens", tokenizer.vocab_size()}}.dump());
  sheet->Line("tokenizer", Str(tokenizer.Kind(), ", ", tokenizer.vocab_size(), " tokens"));
  auto ends = Json::array();
  std::string shown;
  for (const int32_t id : tokenizer.end_ids()) {
    const std::string text(tokenizer.TokenBytes(id));
    ends.push_back({{"id", id}, {"text", text}});
    shown += Str(shown.empty() ? "" : ", ", Quoted(text), " (", id, ")");
  }
  sheet->SetJson("ends", ends.dump(-1, ' ', false, Json::error_handler_t::replace));
  sheet->Line("ends of text", shown.empty() ? "none" : shown);
}

void DescribeTemplate(const ChatTemplate& chat, const Tokenizer& tokenizer, InfoSheet* sheet) {
  const std::string& source = chat.source();
  Sha256 hash;
  hash.Update(source);
  const std::string digest = hash.HexDigest();
  auto tags = Json::array();
  for (const char* tag : {"<think>", "</think>"}) {
    if (source.find(tag) != std::string::npos || tokenizer.FindToken(tag)) tags.push_back(tag);
  }
  sheet->SetJson("chat_template", Json{{"bytes", source.size()}, {"sha256", digest}, {"reasoning_tags", tags}}.dump());
  std::string shown = Str(source.size(), " bytes, sha256 ", digest.substr(0, 12), "…, ", tags.empty() ? "no reasoning tags" : "reasoning tags");
  for (const auto& tag : tags) shown += " " + tag.get<std::string>();
  sheet->Line("chat template", shown);
  try {
    const std::vector<int32_t> ids = DeriveInvocation(chat, tokenizer);
    const std::string text = tokenizer.Decode(ids, /*with_control=*/true);
    sheet->SetJson("invocation", Json{{"ids", ids}, {"text", text}}.dump(-1, ' ', false, Json::error_handler_t::replace));
    sheet->Line("invocation", Str(Quoted(text), " ", ShownIds(ids)));
  } catch (const UserError& error) {
    sheet->SetJson("invocation", "null");
    sheet->Line("invocation", Str("none: ", error.what()));
  }
}

// A model may be usable in part: for logits it needs neither tokenizer nor template.
void DescribeText(const std::string& path, InfoSheet* sheet) {
  std::unique_ptr<Tokenizer> tokenizer;
  try {
    tokenizer = Tokenizer::Load(path);
    DescribeTokenizer(*tokenizer, sheet);
  } catch (const UserError& error) {
    sheet->SetJson("tokenizer", "null");
    sheet->Line("tokenizer", Str("none: ", error.what()));
    return;
  }
  std::unique_ptr<ChatTemplate> chat;
  try {
    chat = ChatTemplate::Load(path);
  } catch (const UserError& error) {
    sheet->SetJson("chat_template", "null");
    sheet->Line("chat template", Str("none: ", error.what()));
    return;
  }
  DescribeTemplate(*chat, *tokenizer, sheet);
}

}  // namespace

void DescribeBase(const std::string& path, InfoSheet* sheet) {
  const auto base = BaseModel::Load(path);
  const ModelConfig& config = base->config();
  const Files files = FilesOf(*base);
  const bool gguf = base->gguf() != nullptr;
  TypeTable types;
  for (const std::string& name : base->names()) {
    const TensorView view = base->Tensor(name);
    types.Add(TypeName(view.type), view.rows * view.cols, static_cast<int64_t>(view.bytes()));
  }
  const double bits = 8.0 * static_cast<double>(types.bytes()) / static_cast<double>(types.values());
  sheet->Set("kind", "base");
  sheet->Set("format", gguf ? "gguf" : "hf");
  sheet->Set("path", path);
  sheet->Set("files", files.count);
  sheet->Set("bytes", files.bytes);
  sheet->Set("name", config.name);
  sheet->Set("architecture", config.arch);
  sheet->Set("parameters", types.values());
  sheet->Set("bits_per_weight", bits);
  sheet->Line("base", Str(path, gguf ? "" : " (Hugging Face folder)", ", ", ShownBytes(files.bytes), files.count > 1 ? Str(" in ", files.count, " files") : ""));
  sheet->Line("model", Str(config.name.empty() ? "" : config.name + ", ", "architecture ", config.arch));
  char shown[32];
  std::snprintf(shown, sizeof shown, "%.2f", bits);
  sheet->Line("parameters", Str(ShownCount(types.values()), ", ", shown, " bits each"));
  types.Write(sheet);
  DescribeShape(config, sheet);
  DescribePositions(config, sheet);
  DescribeText(path, sheet);

  const std::string identity = base->Identity();
  const std::optional<std::string> stored = gguf ? base->gguf()->Find<std::string>("pith.base.sha256") : std::nullopt;
  sheet->Set("identity", identity);
  sheet->SetJson("identity_stored", stored ? Quoted(*stored) : "null");
  sheet->Line("identity", Str("sha256 ", identity, !stored ? "" : *stored == identity ? ", as the file says" : ", though the file says " + *stored));
}

}  // namespace pith
