#include "base/base_tensors.h"

#include <algorithm>
#include <charconv>

#include "base/base_model.h"
#include "base/error.h"
#include "base/log.h"

namespace pith {
namespace {

constexpr size_t kNamesShown = 3;

// The layer that `name` is of, when it begins with `prefix` and a number; −1 otherwise.
int64_t LayerOf(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return -1;
  int64_t layer = -1;
  const auto [end, error] = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), layer);
  return error == std::errc() && end != name.data() + name.size() && *end == '.' ? layer : -1;
}

// Tables that are worked out anew from the description wherever a model is loaded, and that old files carry.
bool IsTable(std::string_view name) {
  return name.find(".rotary_emb.") != std::string_view::npos || name.find("attn_rot_embd.") != std::string_view::npos ||
         name.ends_with(".masked_bias") || name.ends_with("position_ids");
}

}  // namespace

std::vector<ExpectedTensor> ExpectedTensors(const ModelConfig& c) {
  std::vector<ExpectedTensor> all{{"token_embd.weight", "model.embed_tokens.weight", c.vocab_size, c.d_model},
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

void CheckShape(const std::string& path, const std::string& name, const TensorView& view, const ExpectedTensor& expected) {
  if (view.rows != expected.rows || view.cols != expected.cols) {
    ThrowUser("'", path, "': tensor '", name, "' is ", view.rows, "×", view.cols, ", the model's description says ",
              expected.rows, "×", expected.cols);
  }
}

bool UnreadTensors::ChangesOutput(std::string_view name, bool is_float) const {
  if (!is_float || IsTable(name)) return false;
  for (const std::string_view prefix : {"blk.", "model.layers."}) {
    const int64_t layer = LayerOf(name, prefix);
    if (layer >= 0) return layer < config_.num_layers;
  }
  if (name == "rope_freqs.weight") return false;  // ModelConfigFromGguf has seen that they scale by 1
  static constexpr std::string_view kParts[] = {"token_embd", "token_types", "position_embd", "rope_f", "output", "model.embed_tokens.",
                                                "model.norm.", "lm_head."};
  return std::ranges::any_of(kParts, [&](std::string_view part) { return name.starts_with(part); });
}

void UnreadTensors::Add(const std::string& file, const std::string& name, bool is_float) {
  if (ChangesOutput(name, is_float)) {
    ThrowUser("'", file, "' has the tensor '", name, "', which is no part of architecture '", config_.arch,
              "' as pith implements it; use a model without it");
  }
  if (!name.ends_with(".rotary_emb.inv_freq")) names_.push_back(name);  // of every old checkpoint
}

void UnreadTensors::Warn(const std::string& path) const {
  if (names_.empty()) return;
  std::string shown;
  for (size_t i = 0; i < std::min(names_.size(), kNamesShown); ++i) shown += Str(i == 0 ? "'" : ", '", names_[i], "'");
  LogWarning(Str("'", path, "' has ", names_.size(), names_.size() == 1 ? " tensor that is" : " tensors that are", " no part of a model of architecture '",
                 config_.arch, "' and not read: ", shown, names_.size() > kNamesShown ? ", …" : ""));
}

}  // namespace pith
