// The description of a decoder of the Llama family: pre-norm RMSNorm, rotary positions, grouped-query attention, SwiGLU.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/gguf.h"

namespace pith {

// How rotary embedding pairs the H values of a head.
enum class RopeLayout {
  kHalves,       // (i, i + H/2): Hugging Face, and GGUF of qwen2
  kInterleaved,  // (2i, 2i + 1): GGUF of arch llama, whose q and k rows llama.cpp's converter permutes
};

// Of GGUF files, bases and adapters alike, of an architecture.
RopeLayout GgufRopeLayout(std::string_view arch);

struct ModelConfig {
  std::string arch;               // GGUF's general.architecture: "llama", "qwen2"
  std::string name;               // for people; may be empty
  int64_t num_layers = 0;
  int64_t d_model = 0;
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;
  int64_t d_ff = 0;
  int64_t vocab_size = 0;
  int64_t context_length = 0;     // tokens
  double rope_theta = 10000.0;
  double rms_norm_eps = 1e-5;
  bool tied_embeddings = false;   // no tensor output.weight
  bool qkv_bias = false;          // qwen2
  RopeLayout rope = RopeLayout::kHalves;  // of the file it was read from

  int64_t q_dim() const { return num_heads * head_dim; }
  int64_t kv_dim() const { return num_kv_heads * head_dim; }
};

// Both throw UserError for an architecture or option pith does not implement (rope scaling, sliding windows, experts),
// naming it, and for values that contradict each other (heads not divisible by KV heads, absurd sizes).
ModelConfig ModelConfigFromGguf(const GgufFile& file);
ModelConfig ModelConfigFromHf(const std::string& config_json_path);

}  // namespace pith
