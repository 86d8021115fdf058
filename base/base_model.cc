#include "base/base_model.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/base_identity.h"
#include "base/error.h"
#include "base/gguf.h"
#include "base/json_text.h"
#include "base/safetensors.h"

namespace pith {
namespace {

constexpr uint64_t kMaxIndexBytes = 100 << 20;  // as a safetensors header, which names as many tensors

struct Expected {
  std::string gguf, hf;
  int64_t rows, cols;  // a vector has rows == 1
};

// Every tensor of the architecture, by both names.
std::vector<Expected> ExpectedTensors(const ModelConfig& c) {
  std::vector<Expected> all{{"token_embd.weight", "model.embed_tokens.weight", c.vocab_size, c.d_model},
                            {"output_norm.weight", "model.norm.weight", 1, c.d_model}};
  if (!c.tied_embeddings) all.push_back({"output.weight", "lm_head.weight", c.vocab_size, c.d_model});
  for (int64_t layer = 0; layer < c.num_layers; ++layer) {
    const std::string gguf = Str("blk.", layer, "."), hf = Str("model.layers.", layer, ".");
    all.push_back({gguf + "attn_norm.weight", hf + "input_layernorm.weight", 1, c.d_model});
    all.push_back({gguf + "ffn_norm.weight", hf + "post_attention_layernorm.weight", 1, c.d_model});
    for (int kind = 0; kind < kNumLinearKinds; ++kind) {
      const LinearKind& names = kLinearKinds[kind];
      const int64_t rows = LinearRows(c, kind);
      all.push_back({Str(gguf, names.gguf, ".weight"), Str(hf, names.hf, ".weight"), rows, LinearCols(c, kind)});
      if (c.qkv_bias && kind < 3) all.push_back({Str(gguf, names.gguf, ".bias"), Str(hf, names.hf, ".bias"), 1, rows});
    }
  }
  return all;
}

void CheckShape(const std::string& path, const std::string& name, const TensorView& view, const Expected& expected) {
  if (view.rows != expected.rows || view.cols != expected.cols) {
    ThrowUser("'", path, "': tensor '", name, "' is ", view.rows, "×", view.cols, ", the model's description says ",
              expected.rows, "×", expected.cols);
  }
}

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// The shards of a Hugging Face folder, in a fixed order.
std::vector<std::string> ShardPaths(const std::string& folder) {
  const std::string single = folder + "/model.safetensors", index = single + ".index.json";
  if (FileExists(single)) return {single};
  if (!FileExists(index)) {
    ThrowUser("'", folder, "' has neither model.safetensors nor model.safetensors.index.json; ",
              "expected a GGUF file or a Hugging Face folder");
  }
  const std::string text = ReadFile(index, kMaxIndexBytes);
  if (const std::string problem = JsonObjectProblem(text); !problem.empty()) ThrowUser("'", index, "' ", problem);
  const nlohmann::json json = nlohmann::json::parse(text);
  if (!json.contains("weight_map") || !json["weight_map"].is_object()) {
    ThrowUser("'", index, "' is not a JSON object with a weight_map");
  }
  std::set<std::string> files;
  for (const auto& [name, file] : json["weight_map"].items()) {
    if (!file.is_string() || file.get<std::string>().find('/') != std::string::npos) {
      ThrowUser("'", index, "': tensor '", name, "' is in ", file.dump(), ", expected a file of the same folder");
    }
    files.insert(file.get<std::string>());
  }
  std::vector<std::string> paths;
  for (const std::string& file : files) paths.push_back(folder + "/" + file);
  return paths;
}

// Moves row r of every head from place `from(r)` to place `to(r)`; pair i is rows (2i, 2i+1) or (i, i + H/2).
void Permute(const void* in, void* out, int64_t rows, size_t row_bytes, int64_t head_dim, bool to_interleaved) {
  PITH_CHECK(head_dim > 0 && head_dim % 2 == 0 && rows % head_dim == 0, rows, " rows, head size ", head_dim);
  const auto* source = static_cast<const uint8_t*>(in);
  auto* target = static_cast<uint8_t*>(out);
  const int64_t half = head_dim / 2;
  for (int64_t head = 0; head < rows; head += head_dim) {
    for (int64_t i = 0; i < head_dim; ++i) {
      const int64_t interleaved = head + 2 * (i % half) + i / half, halves = head + i;
      const int64_t from = to_interleaved ? halves : interleaved, to = to_interleaved ? interleaved : halves;
      std::memcpy(target + static_cast<size_t>(to) * row_bytes, source + static_cast<size_t>(from) * row_bytes,
                  row_bytes);
    }
  }
}

}  // namespace

struct BaseModel::Impl {
  ModelConfig config;
  std::string path;
  std::unique_ptr<GgufFile> gguf;
  std::vector<std::unique_ptr<SafetensorsFile>> shards;
  std::vector<std::string> names;
  std::map<std::string, TensorView, std::less<>> views;
  std::mutex identity_mutex;
  std::string identity;

  void LoadGguf() {
    gguf = std::make_unique<GgufFile>(path);
    config = ModelConfigFromGguf(*gguf);
    for (const Expected& expected : ExpectedTensors(config)) {
      const TensorView view = gguf->Tensor(expected.gguf);
      CheckShape(path, expected.gguf, view, expected);
      Put(expected.gguf, view);
    }
    for (const GgufTensor& tensor : gguf->tensors()) {
      if (views.count(tensor.name) == 0) RefuseUnknown(path, tensor.name);
    }
  }

  void LoadFolder() {
    config = ModelConfigFromHf(path + "/config.json");
    std::map<std::string, std::pair<const SafeTensor*, const std::string*>> found;
    for (const std::string& shard_path : ShardPaths(path)) {
      shards.push_back(std::make_unique<SafetensorsFile>(shard_path));
      for (const auto& [name, tensor] : shards.back()->tensors()) {
        if (!found.emplace(name, std::make_pair(&tensor, &shards.back()->path())).second) {
          ThrowUser("'", shard_path, "': tensor '", name, "' is in another file of the folder too");
        }
      }
    }
    for (const Expected& expected : ExpectedTensors(config)) {
      const auto place = found.find(expected.hf);
      if (place == found.end()) ThrowUser("'", path, "' lacks the tensor '", expected.hf, "'");
      const SafeTensor& tensor = *place->second.first;
      const std::string& file = *place->second.second;
      const size_t dimensions = expected.rows == 1 ? 1 : 2;
      if (tensor.shape.size() != dimensions) {
        ThrowUser("'", file, "': tensor '", expected.hf, "' has ", tensor.shape.size(), " dimensions, expected ",
                  dimensions);
      }
      const TensorView view{tensor.type, dimensions == 2 ? tensor.shape[0] : 1, tensor.shape.back(), tensor.data};
      CheckShape(file, expected.hf, view, expected);
      Put(expected.gguf, view);
      found.erase(place);
    }
    for (const auto& [name, place] : found) {
      // Checkpoints carry a copy of a tied head, and old ones the table of rotary frequencies; neither is a weight.
      const bool is_tied_head = config.tied_embeddings && name == "lm_head.weight";
      if (!is_tied_head && !EndsWith(name, ".rotary_emb.inv_freq")) RefuseUnknown(*place.second, name);
    }
  }

  void Put(const std::string& name, const TensorView& view) {
    names.push_back(name);
    views.emplace(name, view);
  }

  [[noreturn]] void RefuseUnknown(const std::string& file, const std::string& name) const {
    ThrowUser("'", file, "' has the tensor '", name, "', which is no part of architecture '", config.arch,
              "' as pith implements it; use a model without it");
  }
};

BaseModel::BaseModel() : impl_(std::make_unique<Impl>()) {}
BaseModel::~BaseModel() = default;

std::unique_ptr<BaseModel> BaseModel::Load(const std::string& gguf_file_or_hf_folder) {
  std::unique_ptr<BaseModel> model(new BaseModel());
  model->impl_->path = gguf_file_or_hf_folder;
  if (IsFolder(gguf_file_or_hf_folder)) {
    model->impl_->LoadFolder();
  } else {
    model->impl_->LoadGguf();
  }
  return model;
}

const ModelConfig& BaseModel::config() const { return impl_->config; }
const std::string& BaseModel::path() const { return impl_->path; }
const GgufFile* BaseModel::gguf() const { return impl_->gguf.get(); }
const std::vector<std::string>& BaseModel::names() const { return impl_->names; }
bool BaseModel::Has(std::string_view name) const { return impl_->views.count(name) != 0; }

TensorView BaseModel::Tensor(std::string_view name) const {
  const auto found = impl_->views.find(name);
  PITH_CHECK(found != impl_->views.end(), impl_->path, " has no tensor ", name);
  return found->second;
}

std::vector<float> BaseModel::LoadHalvesF32(std::string_view name) const {
  const TensorView view = Tensor(name);
  std::vector<float> values = view.ToF32();
  const auto is_of = [name](std::string_view layer) { return name.find(layer) != std::string_view::npos; };
  const bool rotated = is_of(".attn_q.") || is_of(".attn_k.");
  if (!rotated || impl_->config.rope == RopeLayout::kHalves) return values;
  const bool is_bias = view.rows == 1;
  const int64_t rows = is_bias ? view.cols : view.rows, row_values = is_bias ? 1 : view.cols;
  std::vector<float> ordered(values.size());
  InterleavedToHalves(values.data(), ordered.data(), rows, static_cast<size_t>(row_values) * sizeof(float),
                      impl_->config.head_dim);
  return ordered;
}

std::string BaseModel::Identity() const {
  const std::lock_guard<std::mutex> lock(impl_->identity_mutex);
  if (impl_->identity.empty()) {
    std::vector<const MappedFile*> files;
    StoredIdentity stored;
    if (impl_->gguf) {
      files.push_back(&impl_->gguf->file());
      stored.sha256 = impl_->gguf->Find<std::string>(kIdentityKey).value_or("");
      stored.tree = impl_->gguf->Find<std::string>(kIdentityTreeKey).value_or("");
    }
    for (const auto& shard : impl_->shards) files.push_back(&shard->file());
    impl_->identity = IdentityOf(impl_->path, files, impl_->views, stored);
  }
  return impl_->identity;
}

int64_t LinearRows(const ModelConfig& config, int kind) {
  const std::array<int64_t, kNumLinearKinds> rows{config.q_dim(), config.kv_dim(), config.kv_dim(), config.d_model,
                                                  config.d_ff,    config.d_ff,     config.d_model};
  return rows.at(static_cast<size_t>(kind));
}

int64_t LinearCols(const ModelConfig& config, int kind) {
  const std::array<int64_t, kNumLinearKinds> cols{config.d_model, config.d_model, config.d_model, config.q_dim(),
                                                  config.d_model, config.d_model, config.d_ff};
  return cols.at(static_cast<size_t>(kind));
}

void HalvesToInterleaved(const void* in, void* out, int64_t rows, size_t row_bytes, int64_t head_dim) {
  Permute(in, out, rows, row_bytes, head_dim, /*to_interleaved=*/true);
}

void InterleavedToHalves(const void* in, void* out, int64_t rows, size_t row_bytes, int64_t head_dim) {
  Permute(in, out, rows, row_bytes, head_dim, /*to_interleaved=*/false);
}

}  // namespace pith
