// The frozen base as it lies in its files: a GGUF (of a split one: any part), or a Hugging Face folder (config.json, *.safetensors).
//
// Tensors go by their GGUF names everywhere in pith:
//   token_embd.weight (V×D), output_norm.weight (D), output.weight (V×D, absent when tied),
//   blk.N.attn_norm.weight, blk.N.ffn_norm.weight (D), blk.N.attn_q|attn_k|attn_v|attn_output.weight,
//   blk.N.ffn_up|ffn_down.weight; where the description asks for them blk.N.ffn_gate.weight, blk.N.attn_q|attn_k|attn_v.bias,
//   blk.N.post_attention_norm|post_ffw_norm.weight (D), blk.N.attn_q_norm|attn_k_norm.weight (H)
// Where a file keeps several of them in one tensor (fused queries, keys and values), each is a view of its rows.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/model/model_config.h"
#include "base/tensor_view.h"

namespace pith {

// Thread-safe to read. Views point into mapped files and live as long as the object.
class BaseModel {
 public:
  // Throws UserError when a tensor of the architecture is missing, its shape is not what `config` says, or the file has one that
  // would change what the model computes and that pith would not read; warns of others that are not read.
  static std::unique_ptr<BaseModel> Load(const std::string& gguf_file_or_hf_folder);
  static std::unique_ptr<BaseModel> FromGguf(std::unique_ptr<GgufFile> file);
  ~BaseModel();

  const ModelConfig& config() const;                 // config().rope tells how q and k rows are ordered; name: org/name in Hugging Face's cache
  const std::string& path() const;
  const GgufFile* gguf() const;                      // nullptr for a Hugging Face folder
  std::vector<std::string> files() const;            // that its tensors lie in
  const std::vector<std::string>& names() const;     // all tensors of the architecture that this file has, GGUF names
  bool Has(std::string_view name) const;
  TensorView Tensor(std::string_view name) const;    // bytes as in the file
  // Dequantised, with the rows of attn_q and attn_k (weight and bias) in RopeLayout::kHalves whatever the file has.
  std::vector<float> LoadHalvesF32(std::string_view name) const;
  // The weight of a layer's module, likewise; of a fused one: of its kinds, one below the other.
  std::vector<float> LoadModuleF32(int64_t layer, int module) const;
  // SHA-256 (64 hex digits) over the tensors' names, types, shapes and bytes in name order ("Identity of a base"): always of
  // what the file holds, whatever it says of itself; see base/base_identity.h.
  std::string Identity() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  BaseModel();
};

// The linear layers of a decoder in the order of its data flow, as they appear in GGUF names ("attn_q") and in Hugging Face's
// ("self_attn.q_proj"); then the modules in which some families keep several of them, one below the other, and on which an adapter of
// theirs acts as a whole.
struct LinearKind {
  const char* gguf;   // "attn_q"
  const char* hf;     // "self_attn.q_proj"
  const char* target; // "q_proj": as in PEFT's target_modules
  const char* gguf_file;  // where GGUF files call it otherwise than we
};
inline constexpr LinearKind kLinearKinds[] = {
    {"attn_q", "self_attn.q_proj", "q_proj", "attn_q"},
    {"attn_k", "self_attn.k_proj", "k_proj", "attn_k"},
    {"attn_v", "self_attn.v_proj", "v_proj", "attn_v"},
    {"attn_output", "self_attn.o_proj", "o_proj", "attn_output"},
    {"ffn_gate", "mlp.gate_proj", "gate_proj", "ffn_gate"},
    {"ffn_up", "mlp.up_proj", "up_proj", "ffn_up"},
    {"ffn_down", "mlp.down_proj", "down_proj", "ffn_down"},
    {"attn_qkv", "self_attn.qkv_proj", "qkv_proj", "attn_qkv"},          // q, k, v
    {"ffn_gate_up", "mlp.gate_up_proj", "gate_up_proj", "ffn_up"}};      // gate, up
inline constexpr int kNumLinearKinds = 7;  // the layers
inline constexpr int kNumModuleKinds = 9;  // and the fused modules
// The layers that a model has: all, but no gate where its feed-forward goes without.
std::vector<int> LinearKindsOf(const ModelConfig& config);
int64_t LinearRows(const ModelConfig& config, int kind);  // out features, of any of kNumModuleKinds
int64_t LinearCols(const ModelConfig& config, int kind);  // in features

// The module that a layer's kind lies in: itself, from row 0 on, unless the family fuses it.
struct ModulePlace {
  int module;         // index into kLinearKinds
  int64_t first_row;
};
ModulePlace ModuleOf(const ModelConfig& config, int kind);
// What an adapter for this base can act on, in the order of kLinearKinds.
std::vector<int> ModuleKinds(const ModelConfig& config);

// Row order of attn_q / attn_k. A head's H rows in kHalves order: (a0 … aH/2-1, b0 … bH/2-1); in kInterleaved order:
// (a0, b0, a1, b1, …). `rows` values of `row_bytes` each, `head_dim` rows per head; out may not alias in.
void HalvesToInterleaved(const void* in, void* out, int64_t rows, size_t row_bytes, int64_t head_dim);
void InterleavedToHalves(const void* in, void* out, int64_t rows, size_t row_bytes, int64_t head_dim);

}  // namespace pith
