// A decoder as data: what the runtime, the reference, the exporter and the trainer interpret. Which files describe one, and how, is
// known to the families (base/model/family.h) alone.
//
// Of each token, x is the residual stream (D values), h what a norm made of it; ⊙ is by elements, cap(s) = c · tanh(s / c) where
// c > 0, else s; norms are RMSNorm with eps:
//
//   x = embedding_scale · token_embd[id]
//   for each layer:
//     h = norm(x, attn_norm)
//     q, k, v = W_q h, W_k h, W_v h                      + biases, where qkv_bias
//     q, k = norm(q, q_norm), norm(k, k_norm) per head   where qk_norm
//     q, k turn by their positions                       where layer.rotary ≥ 0
//     a = Σ_s softmax_s(cap(attention_scale · q·k_s)) v_s over the last layer.window positions
//     x += W_o a                                         post_norms: norm(W_o a, post_attention_norm)
//     h = norm(x, ffn_norm)
//     x += W_down f(h)                                   post_norms: norm(W_down f(h), post_ffw_norm)
//   logits = cap(W_out norm(x, output_norm))
//
// A mixture of experts would be another kind of the last step, latent attention another of the first; files that have them are refused.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/gguf.h"
#include "base/rotary.h"

namespace pith {

// What f is: gated, or one matrix and its activation.
enum class FeedForward {
  kSwiGlu,       // silu(W_gate h) ⊙ W_up h, silu(x) = x / (1 + e^−x)
  kGeGlu,        // gelu(W_gate h) ⊙ W_up h, by GELU's tanh approximation: x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))
  kReluSquared,  // relu(W_up h)², relu(x) = max(x, 0)
};
constexpr bool HasGate(FeedForward feed_forward) { return feed_forward != FeedForward::kReluSquared; }

struct LayerConfig {
  int rotary = 0;      // index into ModelConfig::rotaries; −1: no positions are told
  int64_t window = 0;  // positions that a token sees, its own included; 0: all before it
  int64_t FirstSeen(int64_t position) const { return window == 0 ? 0 : std::max<int64_t>(0, position + 1 - window); }
  bool operator==(const LayerConfig&) const = default;
};

// How a family's files name and lay out the tensors of a layer, where they differ from the usual (base/model/base_tensors.h).
struct TensorLayout {
  const char* hf_ffn_norm = "post_attention_layernorm";
  const char* hf_post_attention_norm = "post_attention_layernorm";  // these two where post_norms
  const char* hf_post_ffw_norm = "post_feedforward_layernorm";
  bool fused_qkv = false;      // self_attn.qkv_proj, attn_qkv: q above k above v
  bool fused_gate_up = false;  // mlp.gate_up_proj, ffn_up: gate above up
  float hf_norm_offset = 0;    // a Hugging Face norm's weight is what is stored there plus this
};

struct ModelConfig {
  std::string arch;               // GGUF's general.architecture
  std::string name;               // for people; may be empty
  int64_t num_layers = 0;
  int64_t d_model = 0;
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;           // of queries and keys
  int64_t value_head_dim = 0;     // of values; Finish puts H where it is 0
  int64_t d_ff = 0;
  int64_t vocab_size = 0;
  int64_t context_length = 0;     // tokens
  int64_t stated_context = 0;     // where its files promise more than pith runs (longrope); 0: the same
  double rms_norm_eps = 1e-5;
  bool tied_embeddings = false;   // W_out is token_embd
  bool qkv_bias = false;
  bool qk_norm = false;
  bool post_norms = false;
  FeedForward feed_forward = FeedForward::kSwiGlu;
  double attention_scale = 0;     // Finish puts 1/√H where it is 0
  double attention_soft_cap = 0;  // 0: none
  double logit_soft_cap = 0;      // 0: none
  double embedding_scale = 1;
  std::vector<Rotary> rotaries = {Rotary{}};
  std::vector<LayerConfig> layers;
  int64_t rotary_dim = 0;         // values of a head that turn; Finish puts H where it is 0
  RopeLayout rope = RopeLayout::kHalves;       // of the file it was read from
  RopeLayout gguf_rope = RopeLayout::kHalves;  // of GGUF files, bases and adapters alike
  TensorLayout tensors;

  int64_t q_dim() const { return num_heads * head_dim; }
  int64_t k_dim() const { return num_kv_heads * head_dim; }
  int64_t v_dim() const { return num_kv_heads * value_head_dim; }
  int64_t qkv_dim() const { return q_dim() + k_dim() + v_dim(); }
  int64_t attention_dim() const { return num_heads * value_head_dim; }  // of a, what W_o takes
  bool has_gate() const { return HasGate(feed_forward); }
  // Puts what is left open (above; layers that are all alike), and the rotaries' frequencies. For whoever fills in a description.
  void Finish();
};

// Both throw UserError for a family or an option that pith does not implement (experts, latent attention, quantised checkpoints),
// naming it, and for values that contradict each other (heads not divisible by KV heads, absurd sizes).
ModelConfig ModelConfigFromGguf(const GgufFile& file);
ModelConfig ModelConfigFromHf(const std::string& config_json_path);

// The metadata of a GGUF of this description, from which ModelConfigFromGguf reads the same. UserError where GGUF has no way to say it.
void WriteModelMetadata(const ModelConfig& config, GgufWriter* writer);
// The tensors of a GGUF that belong to the description (rope_freqs.weight).
std::vector<std::string> ModelTableNames(const ModelConfig& config);
void WriteModelTables(const ModelConfig& config, GgufWriter* writer);

}  // namespace pith
