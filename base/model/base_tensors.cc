#include "base/model/base_tensors.h"

#include <algorithm>
#include <charconv>

#include "base/model/base_model.h"
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
  std::vector<ExpectedTensor> all;
  const auto add = [&](const std::string& gguf, const std::string& hf, int64_t rows, int64_t cols, bool is_norm = false) {
    all.push_back({gguf, {gguf, 0, rows}, {hf, 0, rows}, rows, cols, is_norm});
  };
  add("token_embd.weight", "model.embed_tokens.weight", c.vocab_size, c.d_model);
  add("output_norm.weight", "model.norm.weight", 1, c.d_model, true);
  if (!c.tied_embeddings) add("output.weight", "lm_head.weight", c.vocab_size, c.d_model);
  for (int64_t layer = 0; layer < c.num_layers; ++layer) {
    const std::string gguf = Str("blk.", layer, "."), hf = Str("model.layers.", layer, ".");
    const auto add_norm = [&](const char* name, const char* hf_name, int64_t size) {
      add(Str(gguf, name, ".weight"), Str(hf, hf_name, ".weight"), 1, size, true);
    };
    add_norm("attn_norm", "input_layernorm", c.d_model);
    add_norm("ffn_norm", c.tensors.hf_ffn_norm, c.d_model);
    if (c.post_norms) {
      add_norm("post_attention_norm", c.tensors.hf_post_attention_norm, c.d_model);
      add_norm("post_ffw_norm", c.tensors.hf_post_ffw_norm, c.d_model);
    }
    if (c.qk_norm) {
      add_norm("attn_q_norm", "self_attn.q_norm", c.head_dim);
      add_norm("attn_k_norm", "self_attn.k_norm", c.head_dim);
    }
    for (const int kind : LinearKindsOf(c)) {
      const LinearKind& names = kLinearKinds[kind];
      const int64_t rows = LinearRows(c, kind);
      add(Str(gguf, names.gguf, ".weight"), Str(hf, names.hf, ".weight"), rows, LinearCols(c, kind));
      if (const ModulePlace place = ModuleOf(c, kind); place.module != kind) {
        const LinearKind& module = kLinearKinds[place.module];
        all.back().gguf = {Str(gguf, module.gguf_file, ".weight"), place.first_row, LinearRows(c, place.module)};
        all.back().hf = {Str(hf, module.hf, ".weight"), place.first_row, LinearRows(c, place.module)};
      }
      if (c.qkv_bias && kind < 3) add(Str(gguf, names.gguf, ".bias"), Str(hf, names.hf, ".bias"), 1, rows);
    }
  }
  return all;
}

TensorView TakeRows(const std::string& path, const TensorPlace& place, const TensorView& view, const ExpectedTensor& expected) {
  if (view.rows != place.rows || view.cols != expected.cols) {
    ThrowUser("'", path, "': tensor '", place.name, "' is ", view.rows, "×", view.cols, ", the model's description says ",
              place.rows, "×", expected.cols);
  }
  return {view.type, expected.rows, view.cols, view.row(place.first_row)};
}

bool UnreadTensors::ChangesOutput(std::string_view name, bool is_float) const {
  if (!is_float || IsTable(name)) return false;
  for (const std::string_view prefix : {"blk.", "model.layers."}) {
    const int64_t layer = LayerOf(name, prefix);
    if (layer >= 0) return layer < config_.num_layers;
  }
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
