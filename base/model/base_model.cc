#include "base/model/base_model.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "base/base_identity.h"
#include "base/model/base_tensors.h"
#include "base/error.h"
#include "base/gguf.h"
#include "base/gguf_types.h"
#include "base/hf_checkpoint.h"
#include "base/hub_cache.h"
#include "base/log.h"

namespace pith {
namespace {

constexpr char kHfEmbedding[] = "model.embed_tokens.weight", kHfHead[] = "lm_head.weight";

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
  std::unique_ptr<HfCheckpoint> checkpoint;
  std::vector<std::string> names;
  std::map<std::string, TensorView, std::less<>> views;
  std::deque<std::vector<float>> owned;  // that views point into where the file holds other values
  std::mutex identity_mutex;
  std::string identity;

  void ReadGguf(std::unique_ptr<GgufFile> file) {
    gguf = std::move(file);
    config = ModelConfigFromGguf(*gguf);
    const std::vector<std::string> tables = ModelTableNames(config);
    std::set<std::string> read(tables.begin(), tables.end());
    for (const ExpectedTensor& expected : ExpectedTensors(config)) {
      Put(expected.name, TakeRows(path, expected.gguf, gguf->Tensor(expected.gguf.name), expected));
      read.insert(expected.gguf.name);
    }
    UnreadTensors unread(config);
    for (const GgufTensor& tensor : gguf->tensors()) {
      if (!read.contains(tensor.name)) unread.Add(path, tensor.name, !IsGgmlInteger(tensor.ggml_type));
    }
    unread.Warn(path);
  }

  void LoadFolder() {
    if (!FileExists(path + "/config.json")) {
      ThrowUser("'", path, "' has no config.json and holds no GGUF file; expected a GGUF file or a Hugging Face folder", CompletionHint(path));
    }
    config = ModelConfigFromHf(path + "/config.json");
    checkpoint = std::make_unique<HfCheckpoint>(path);
    std::set<std::string_view> left;
    for (const auto& [name, place] : checkpoint->places()) left.insert(name);
    const std::string embedding = SettleHead(left);
    for (const ExpectedTensor& expected : ExpectedTensors(config)) {
      TensorPlace place = expected.hf;
      if (place.name == kHfEmbedding) place.name = embedding;
      const TensorView whole = checkpoint->Tensor(place.name, expected.rows == 1);
      const TensorView view = TakeRows(*checkpoint->Find(place.name)->file, place, whole, expected);
      Put(expected.name, expected.is_norm && config.tensors.hf_norm_offset != 0 ? WithOffset(view) : view);
      left.erase(place.name);
    }
    UnreadTensors unread(config);
    for (const std::string_view name : left) {
      const HfCheckpoint::Place& place = *checkpoint->Find(name);
      const bool is_integer = place.tensor == nullptr && (place.dtype.find_first_of("IU") == 0 || place.dtype == "BOOL");
      unread.Add(*place.file, std::string(name), !is_integer);
    }
    unread.Warn(path);
  }

  // Where the configuration ties the head to the embedding, the file has the last word, as in transformers 5: either of the two
  // may be all there is, and a head that differs is the head. Returns the embedding's name, and takes a head that is only a
  // copy out of `left`.
  std::string SettleHead(std::set<std::string_view>& left) {
    const HfCheckpoint::Place *embedding = checkpoint->Find(kHfEmbedding), *head = checkpoint->Find(kHfHead);
    if (!config.tied_embeddings || head == nullptr) return kHfEmbedding;
    if (embedding == nullptr) return kHfHead;
    if (SameTensor(*embedding, *head)) {
      left.erase(kHfHead);
    } else {
      config.tied_embeddings = false;
      LogWarning(Str("'", path, "/config.json' says that the head is the embedding (tie_word_embeddings), but '", *head->file,
                     "' has a ", kHfHead, " that differs, which is taken; transformers before version 5 would leave it out"));
    }
    return kHfEmbedding;
  }

  // A norm's weight as it is multiplied, in float32.
  TensorView WithOffset(const TensorView& stored) {
    std::vector<float>& values = owned.emplace_back(stored.ToF32());
    for (float& value : values) value += config.tensors.hf_norm_offset;
    return {TensorType::kF32, stored.rows, stored.cols, reinterpret_cast<const uint8_t*>(values.data())};
  }

  void Put(const std::string& name, const TensorView& view) {
    names.push_back(name);
    views.emplace(name, view);
  }

  std::vector<std::string> files() const { return gguf ? gguf->paths() : checkpoint->paths(); }
};

BaseModel::BaseModel() : impl_(std::make_unique<Impl>()) {}
BaseModel::~BaseModel() = default;

std::unique_ptr<BaseModel> BaseModel::Load(const std::string& gguf_file_or_hf_folder) {
  std::unique_ptr<BaseModel> model(new BaseModel());
  model->impl_->path = gguf_file_or_hf_folder;
  if (IsFolder(gguf_file_or_hf_folder)) {
    model->impl_->LoadFolder();
  } else {
    model->impl_->ReadGguf(std::make_unique<GgufFile>(gguf_file_or_hf_folder));
  }
  if (const auto repository = RepositoryOf(gguf_file_or_hf_folder)) model->impl_->config.name = *repository;
  return model;
}

std::unique_ptr<BaseModel> BaseModel::FromGguf(std::unique_ptr<GgufFile> file) {
  std::unique_ptr<BaseModel> model(new BaseModel());
  model->impl_->path = file->path();
  model->impl_->ReadGguf(std::move(file));
  return model;
}

const ModelConfig& BaseModel::config() const { return impl_->config; }
const std::string& BaseModel::path() const { return impl_->path; }
const GgufFile* BaseModel::gguf() const { return impl_->gguf.get(); }
std::vector<std::string> BaseModel::files() const { return impl_->files(); }
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

std::vector<float> BaseModel::LoadModuleF32(int64_t layer, int module) const {
  std::vector<float> values;
  for (int kind = 0; kind < kNumLinearKinds; ++kind) {
    if (ModuleOf(config(), kind).module != module) continue;
    const std::vector<float> part = LoadHalvesF32(Str("blk.", layer, ".", kLinearKinds[kind].gguf, ".weight"));
    values.insert(values.end(), part.begin(), part.end());
  }
  PITH_CHECK_EQ(static_cast<int64_t>(values.size()), LinearRows(config(), module) * LinearCols(config(), module));
  return values;
}

std::string BaseModel::Identity() const {
  const std::lock_guard<std::mutex> lock(impl_->identity_mutex);
  if (impl_->identity.empty()) {
    StoredIdentity stored;
    if (impl_->gguf) {
      stored.sha256 = impl_->gguf->Find<std::string>(kIdentityKey).value_or("");
      stored.tree = impl_->gguf->Find<std::string>(kIdentityTreeKey).value_or("");
    }
    impl_->identity = IdentityOf(impl_->path, impl_->gguf ? impl_->gguf->files() : impl_->checkpoint->files(), impl_->views, stored);
  }
  return impl_->identity;
}

namespace {

enum { kQ, kK, kV, kOutput, kGate, kUp, kDown, kQkv, kGateUp };

}  // namespace

std::vector<int> LinearKindsOf(const ModelConfig& config) {
  std::vector<int> kinds;
  for (int kind = 0; kind < kNumLinearKinds; ++kind) {
    if (kind != kGate || config.has_gate()) kinds.push_back(kind);
  }
  return kinds;
}

int64_t LinearRows(const ModelConfig& config, int kind) {
  const std::array<int64_t, kNumModuleKinds> rows{config.q_dim(), config.k_dim(), config.v_dim(), config.d_model, config.d_ff, config.d_ff,
                                                  config.d_model, config.qkv_dim(), 2 * config.d_ff};
  return rows.at(static_cast<size_t>(kind));
}

int64_t LinearCols(const ModelConfig& config, int kind) {
  if (kind == kOutput) return config.attention_dim();
  return kind == kDown ? config.d_ff : config.d_model;
}

ModulePlace ModuleOf(const ModelConfig& config, int kind) {
  if (config.tensors.fused_qkv && kind <= kV) return {kQkv, (kind >= kK ? config.q_dim() : 0) + (kind == kV ? config.k_dim() : 0)};
  if (config.tensors.fused_gate_up && (kind == kGate || kind == kUp)) return {kGateUp, (kind - kGate) * config.d_ff};
  return {kind, 0};
}

std::vector<int> ModuleKinds(const ModelConfig& config) {
  std::vector<int> kinds;
  for (const int kind : LinearKindsOf(config)) {
    const int module = ModuleOf(config, kind).module;
    if (std::find(kinds.begin(), kinds.end(), module) == kinds.end()) kinds.push_back(module);
  }
  std::sort(kinds.begin(), kinds.end());
  return kinds;
}

void HalvesToInterleaved(const void* in, void* out, int64_t rows, size_t row_bytes, int64_t head_dim) {
  Permute(in, out, rows, row_bytes, head_dim, /*to_interleaved=*/true);
}

void InterleavedToHalves(const void* in, void* out, int64_t rows, size_t row_bytes, int64_t head_dim) {
  Permute(in, out, rows, row_bytes, head_dim, /*to_interleaved=*/false);
}

}  // namespace pith
